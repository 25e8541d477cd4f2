"""Classes of two sides, brought together by name."""

from __future__ import annotations

import numpy as np
import pytest

from streamseg.errors import TrainingError
from streamseg.training.config.recipe_data import IGNORE
from streamseg.training.data.class_map import ClassMap, match_classes, parse_pairs

STREET = ("road", "pole", "sign", "car", "person")


def ids(classes: ClassMap, package: int, data: int) -> tuple[list[int], list[int]]:
    return classes.of_package[:package].tolist(), classes.of_data[:data].tolist()


def test_the_same_names_are_the_same_classes_in_any_order() -> None:
    found = match_classes(("a", "b", "c"), ("c", "a", "b"))
    assert found.names == ("a", "b", "c")
    assert ids(found, 3, 3) == ([0, 1, 2], [2, 0, 1])
    assert not found.merges
    assert (found.of_package[3:] == IGNORE).all()


def test_names_that_are_left_over_are_refused_by_name() -> None:
    with pytest.raises(TrainingError) as caught:
        match_classes(("road", "pole"), ("road", "mast", "dog"))
    assert "of the package only: pole; of the pictures only: mast, dog" in str(caught.value)
    assert "--map pole=mast" in str(caught.value)
    many = [f"class{i}" for i in range(100)]
    with pytest.raises(TrainingError, match="class11 and 88 more"):
        match_classes(("road",), ("road", *many))


def test_a_pair_joins_two_names() -> None:
    found = match_classes(("road", "person"), ("pedestrian", "road"), [("person", "pedestrian")])
    assert found.names == ("road", "person")
    assert ids(found, 2, 2) == ([0, 1], [1, 0])


def test_several_of_the_package_are_one_of_the_pictures() -> None:
    found = match_classes(STREET, ("road", "thing", "car", "person"), [("pole", "thing"), ("sign", "thing")])
    assert found.names == ("road", "thing", "car", "person")
    assert ids(found, 5, 4) == ([0, 1, 1, 2, 3], [0, 1, 2, 3])
    assert not found.merges, "these are the pictures' classes"


def test_several_of_the_pictures_are_one_of_the_package() -> None:
    found = match_classes(
        ("road", "vehicle"), ("car", "bus", "road"), [("vehicle", "car"), ("vehicle", "bus")]
    )
    assert found.names == ("road", "vehicle")
    assert ids(found, 2, 3) == ([0, 1], [1, 1, 0])
    assert found.merges


def test_all_others_may_be_one_class() -> None:
    found = match_classes(STREET, ("background", "person"), [("*", "background")])
    assert found.names == ("background", "person")
    assert ids(found, 5, 2) == ([0, 0, 0, 0, 1], [0, 1])


def test_one_side_may_have_no_such_class() -> None:
    found = match_classes(("road", "bus"), ("road", "dog"), [("bus", ""), ("", "dog")])
    assert found.names == ("road", "bus")
    assert ids(found, 2, 2) == ([0, 1], [0, IGNORE])


def test_chains_become_one_class() -> None:
    found = match_classes(("a", "b"), ("x", "y"), [("a", "x"), ("a", "y"), ("b", "y")])
    assert found.names == ("x+y",)
    assert ids(found, 2, 2) == ([0, 0], [0, 0])


def test_names_that_nobody_has_are_told_all_at_once() -> None:
    with pytest.raises(TrainingError) as caught:
        match_classes(("person",), ("pedestrian",), [("persn", "pedestrian"), ("person", "dog")])
    lines = str(caught.value).splitlines()
    assert lines[0] == "--map persn=pedestrian: the package has no class 'persn'; did you mean 'person'?"
    assert lines[1] == "--map person=dog: the pictures have no class 'dog' (known: pedestrian)"


def test_pairs_are_written_with_an_equals_sign() -> None:
    assert parse_pairs(["a = b", "c=", "=d", "x=y=z"]) == [("a", "b"), ("c", ""), ("", "d"), ("x", "y=z")]
    for wrong in ("ab", "="):
        with pytest.raises(TrainingError, match=f"--map {wrong}: expected PACKAGE=DATA"):
            parse_pairs([wrong])


def test_a_whole_map_fits_in_bytes() -> None:
    names = [f"c{i}" for i in range(254)]
    found = match_classes(names, names[::-1])
    assert np.array_equal(found.of_data[:254], np.arange(253, -1, -1))
