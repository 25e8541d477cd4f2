"""Labels that stand for several classes: from a recipe to ids, losses, samples and measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from streamseg.training.config.recipe import Recipe, parse_recipe
from streamseg.training.data.data_checks import check_data
from streamseg.training.data.label_space import LabelSpace, label_space, not_told_apart, set_labels
from streamseg.training.data.train_pictures import TrainPictures
from tests.training.conftest import mixed_document


def test_a_set_of_classes_has_an_id_behind_the_classes(mixed: Recipe) -> None:
    space = label_space(mixed)
    assert space == LabelSpace(3, ((1, 2),))
    assert space.members().tolist() == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
        [False, True, True],
    ]
    pictures = TrainPictures(mixed)
    assert len(pictures) == 12
    assert set(np.unique(pictures.label(0))) == {0, 1, 2, 255}
    assert set(np.unique(pictures.label(8))) == {0, 3, 255}


def test_labels_of_the_same_classes_share_an_id(coarse: Path) -> None:
    labels = {
        "label_names": ["thing", "object"],
        "label_map": {"thing": ["bar", "disc"], "object": ["disc", "bar"]},
    }
    recipe = parse_recipe(mixed_document(coarse, **labels), "test")
    assert label_space(recipe).groups == ((1, 2),)


def test_names_come_from_a_file_beside_the_folders(coarse: Path) -> None:
    (coarse / "coarse/classes.txt").write_text("ground\nthing\n")
    recipe = parse_recipe(mixed_document(coarse, label_names=None), "test")
    labels = set_labels(recipe, recipe.data.train[1])
    assert labels is not None
    assert (labels.names, labels.stands_for) == (("ground", "thing"), ((0,), (1, 2)))


def test_a_file_of_names_in_another_order_counts(coarse: Path) -> None:
    (coarse / "train/classes.txt").write_text("bar\nground\ndisc\n")
    recipe = parse_recipe(mixed_document(coarse), "test")
    labels = set_labels(recipe, recipe.data.train[0])
    assert labels is not None
    assert labels.stands_for == ((2,), (0,), (1,))


def test_an_ignored_label_is_void(coarse: Path) -> None:
    recipe = parse_recipe(mixed_document(coarse, label_map={"thing": []}), "test")
    assert set(np.unique(TrainPictures(recipe).label(8))) == {0, 255}
    assert check_data(recipe).problems == []


def test_told_apart_by_overlapping_labels() -> None:
    names = ["car", "bicyclist", "pedestrian"]
    assert not_told_apart([(0, 1), (1, 2)], names) == []
    assert not_told_apart([(0, 1, 2)], names) == [
        "car and bicyclist and pedestrian: no label tells them apart"
    ]
    assert not_told_apart([(0,)], names) == [], "the others are in no label, which is another problem"
