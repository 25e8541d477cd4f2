from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.errors import PackageError
from streamseg.inference.packages.class_list import ClassList, read_classes

SHIPPED = Path(__file__).parents[3] / "configs" / "classes"


def test_names_are_given_in_a_row() -> None:
    assert read_classes("road, car,") == ClassList(("road", "car"))


def test_names_stand_one_on_each_line(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("road\n\n car \n", encoding="utf-8")
    assert read_classes(str(tmp_path / "names.txt")) == ClassList(("road", "car"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("classes: [{name: a, color: [1, 2, 3]}, {name: b, color: [4, 5, 6]}]", ((1, 2, 3), (4, 5, 6))),
        ("classes:\n- {name: a}\n- {id: 1, name: b}\nsize: [640, 480]\n", ()),
    ],
)
def test_yaml_may_hold_colours_and_more(
    text: str, expected: tuple[tuple[int, ...], ...], tmp_path: Path
) -> None:
    (tmp_path / "classes.yaml").write_text(text, encoding="utf-8")
    assert read_classes(str(tmp_path / "classes.yaml")) == ClassList(("a", "b"), expected)  # type: ignore[arg-type]


def test_all_that_is_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "classes.yaml"
    path.write_text(
        "classes:\n- {name: a, color: [1, 2, 300]}\n- {name: b}\n- {id: 7, name: c, color: [1, 2, 3]}\n",
        encoding="utf-8",
    )
    with pytest.raises(PackageError) as caught:
        read_classes(str(path))
    assert str(caught.value).splitlines() == [
        f"{path}:2: classes.0.color: must be r, g, b of 0…255 each",
        f"{path}:3: classes.1: has no color, others have: give each one or none",
        f"{path}:4: classes.2.id: is 7 in place 2: an id is the place in the list",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b\n", "classes: is required but missing"),
        ("classes: []\n", "classes: "),
        ("classes: [a, b]\n", r"classes\.0: must hold keys of its own"),
        ("classes: [{name: a, name: b}]\n", "stands in line 1 already"),
        ("classes: [{name: a, color: red}]\n", r"classes\.0\.color: must be a list"),
        ("classes: [\n", r"classes\.yaml:2: "),
    ],
)
def test_a_file_of_another_kind_is_told_as_such(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "classes.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PackageError, match=said):
        read_classes(str(tmp_path / "classes.yaml"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"absent\.yaml: cannot be read: No such file"):
        read_classes(str(tmp_path / "absent.yaml"))


@pytest.mark.tree
@pytest.mark.parametrize(
    ("name", "count", "some"),
    [
        ("ade20k-32.yaml", 32, {0: "other", 1: "wall", 13: "person", 21: "car", 31: "armchair"}),
        ("cityscapes-19.yaml", 19, {0: "road", 10: "sky", 18: "bicycle"}),
        ("voc-21.yaml", 21, {0: "background", 15: "person", 20: "tv monitor"}),
    ],
)
def test_those_that_ship_are_whole(name: str, count: int, some: dict[int, str]) -> None:
    found = read_classes(str(SHIPPED / name))
    assert len(found.names) == len(set(found.names)) == count
    assert len(set(found.colors)) == count
    assert {place: found.names[place] for place in some} == some


@pytest.mark.tree
def test_every_one_that_ships_is_tested() -> None:
    assert {path.name for path in SHIPPED.iterdir()} == {
        "ade20k-32.yaml",
        "cityscapes-19.yaml",
        "voc-21.yaml",
    }
