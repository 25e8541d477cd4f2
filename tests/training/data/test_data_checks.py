"""Everything wrong with the data is said in one go, before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamseg.training.config.recipe import Recipe, parse_recipe
from streamseg.training.data.data_checks import Findings, check_data
from tests.training.conftest import mixed_document, recipe_document

COLORS = np.array([(90, 90, 90), (230, 220, 60), (20, 30, 90)], np.uint8)
GROUND = np.zeros((48, 64), np.uint8)


def check(pictures: Path, **data: Any) -> Findings:
    document = recipe_document(pictures)
    document["data"] |= data
    return check_data(parse_recipe(document, "test"))


def label(pictures: Path, name: str, *, split: str = "train") -> Path:
    return pictures / split / "labels" / name


def write(path: Path, array: np.ndarray[Any, Any]) -> None:
    cv2.imwrite(str(path), array)


def test_sound_data_has_no_problems(pictures: Path) -> None:
    assert check(pictures) == Findings([], [])


def test_all_problems_come_at_once(pictures: Path) -> None:
    write(label(pictures, "00.png"), np.zeros((10, 10), np.uint8))
    write(label(pictures, "01.png"), np.zeros((48, 64), np.uint16))
    write(label(pictures, "02.png"), np.full((48, 64), 77, np.uint8))
    label(pictures, "03.png").write_bytes(b"not a picture")
    label(pictures, "04.png").unlink()
    (pictures / "val/images/00.png").write_bytes(b"not a picture")
    found = check(pictures)
    assert found.problems == [
        f"train: 1 pictures in {pictures}/train/images have no label PNG: 04.png",
        f"train: {pictures}/train/images/00.png: picture of 64x48 pixels, label of 10x10",
        f"train: {pictures}/train/labels/01.png: a label must have 8 bits a channel, this has 16",
        f"train: {pictures}/train/labels/03.png: cannot be decoded",
        "train: unknown label id 77 in 1 labels: 02.png (3072 pixels)",
        f"val: {pictures}/val/images/00.png: cannot be decoded",
    ]


def test_an_unknown_id_is_one_line_for_all_its_files(pictures: Path) -> None:
    found = check(pictures, void=[])
    assert found.problems[0].startswith("train: unknown label id 9 in 8 labels: 00.png (")
    assert found.problems[0].endswith("04.png (16 pixels) and 3 more")
    assert len(found.problems) == 2


def test_ids_a_remap_does_not_name_are_unknown(pictures: Path) -> None:
    assert check(pictures, remap={0: 0, 1: 1, 2: 2}).problems == []
    found = check(pictures, remap={0: 0, 1: 1})
    assert found.problems[0].startswith("train: unknown label id 2 in 8 labels")
    assert "train: class bar has not a single pixel" in found.problems


def test_missing_folders_are_named(pictures: Path) -> None:
    found = check(pictures, train=str(pictures / "nowhere"))
    assert [line.split(" (")[0] for line in found.problems] == [
        f"train: {pictures}/nowhere/images: no such folder",
        f"train: {pictures}/nowhere/labels: no such folder",
    ]


def test_a_class_nobody_labelled_is_a_problem(pictures: Path) -> None:
    for path in (pictures / "train/labels").iterdir():
        ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        write(path, np.where(ids == 2, 0, ids).astype(np.uint8))
    assert check(pictures).problems == ["train: class bar has not a single pixel"]


def test_a_class_missing_in_val_is_a_warning(pictures: Path) -> None:
    for path in (pictures / "val/labels").iterdir():
        write(path, GROUND)
    assert check(pictures) == Findings(
        [], [f"val: class {name} is not in it, so it cannot be measured" for name in ("disc", "bar")]
    )


def test_labels_without_a_picture_are_a_warning(pictures: Path) -> None:
    write(label(pictures, "lone.png"), GROUND)
    found = check(pictures)
    assert found == Findings([], [f"train: 1 labels in {pictures}/train/labels have no picture: lone.png"])


def test_too_few_pictures_are_a_problem(pictures: Path) -> None:
    (pictures / "train/images/05.png").unlink()
    (pictures / "train/labels/05.png").unlink()
    assert check(pictures).problems == ["train: 7 pictures are too few to train on: label 8 or more"]


@pytest.fixture
def painted(pictures: Path) -> Path:
    """The labels as pictures in the colours of the classes; void is black."""
    for path in pictures.glob("*/labels/*.png"):
        ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        colours = np.vstack([COLORS, np.zeros((7, 3), np.uint8)])[ids]
        write(path, colours[..., ::-1])
    return pictures


def test_unknown_colours_are_named(painted: Path) -> None:
    found = check(painted)
    assert [line.split(":", 2)[:2] for line in found.problems] == [
        ["train", " unknown colour 0 0 0 in 8 labels"],
        ["val", " unknown colour 0 0 0 in 3 labels"],
    ]


def test_a_table_names_more_colours_than_the_classes(painted: Path) -> None:
    table = painted / "colors.txt"
    table.write_text("0 90 90 90 ground\n1 230 220 60 disc\n2 20 30 90 bar\n255 0 0 0 void\n")
    assert check(painted, colors=str(table)) == Findings([], [])


def test_a_photograph_in_a_labels_place_is_one_line(pictures: Path) -> None:
    photograph = cv2.imread(str(pictures / "train/images/00.png"))
    write(label(pictures, "00.png"), photograph)
    (line,) = check(pictures).problems
    assert line.startswith("train: unknown colours, more than 16 (a photograph")


def test_a_broken_table_hides_no_other_problem(pictures: Path) -> None:
    (pictures / "colors.txt").write_text("road 1 2 3\n")
    label(pictures, "04.png", split="val").write_bytes(b"")
    label(pictures, "00.png", split="val").unlink()
    found = check(pictures, colors=str(pictures / "colors.txt"))
    assert [line.split(": ")[0] for line in found.problems] == [f"{pictures}/colors.txt:1", "val"]


def test_pictures_without_labels_are_looked_for_when_a_stage_wants_them(recipe: Recipe) -> None:
    data = recipe.data.model_copy(update={"unlabelled": [Path("nowhere")]})
    unused = recipe.model_copy(update={"data": data})
    assert check_data(unused).problems == []
    wanted = unused.model_copy(update={"stages": ["segment", "semi"]})
    assert check_data(wanted).problems == ["data.unlabelled: nowhere: no such file or folder"]


def test_every_label_that_stands_for_nothing_is_named(coarse: Path) -> None:
    names = {"label_names": None, "label_map": {"thng": ["disc"]}}
    (coarse / "coarse/classes.txt").write_text("ground\nthing\nanimal\n")
    (coarse / "train/classes.txt").write_text("ground\ndisc\nstick\n")
    problems = check_data(parse_recipe(mixed_document(coarse, **names), "test")).problems
    assert problems[:4] == [
        f"{where}: label_map: label '{label}' stands for no class: name its class or its classes, "
        "or [] to ignore it"
        for where, label in (("fine", "stick"), ("coarse", "thing"), ("coarse", "animal"))
    ] + ["coarse: label_map: no such label: thng (did you mean 'thing'?)"]


def test_unknown_ids_beyond_the_classes_are_told_though_sets_have_ids_there(coarse: Path) -> None:
    path = coarse / "train/labels/00.png"
    label = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    label[10:12] = 3
    cv2.imwrite(str(path), label)
    (problem,) = check_data(parse_recipe(mixed_document(coarse), "test")).problems
    assert problem.startswith("train fine: unknown label id 3 in 1 labels: 00.png (128 pixels)")


def test_classes_that_no_set_tells_apart_are_a_warning(coarse: Path) -> None:
    raw = mixed_document(coarse)
    raw["data"]["train"] = raw["data"]["train"][1:]
    for index in range(4, 8):
        for kind in ("images", "labels"):
            file = coarse / "coarse" / kind / "00.png"
            (file.parent / f"{index:02}.png").write_bytes(file.read_bytes())
    found = check_data(parse_recipe(raw, "test"))
    assert found.problems == []
    assert found.warnings == ["train: disc and bar: no label tells them apart"]
    assert check_data(parse_recipe(mixed_document(coarse), "test")).warnings == []
