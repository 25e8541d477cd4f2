"""Labelled pictures: pairs are found and read, ids or colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.recipe_data import SplitRecipe
from streamseg.training.data.labels import (
    Labelling,
    class_shares,
    find_pairs,
    own_labelling,
    read_label,
    read_pair,
    read_picture,
)

LABELLING = Labelling(3, (9,))


def split(pictures: Path, **more: Any) -> SplitRecipe:
    return SplitRecipe(images=pictures / "train/images", labels=pictures / "train/labels", **more)


def test_pairs_come_in_order_of_their_names(pictures: Path) -> None:
    assert [p.image.stem for p in find_pairs(split(pictures))] == [f"{i:02}" for i in range(8)]


def test_excluded_names_are_left_out(pictures: Path) -> None:
    assert [p.image.stem for p in find_pairs(split(pictures, exclude=["0[1-6]*"]))] == ["00", "07"]


def test_pictures_without_labels_are_named(pictures: Path) -> None:
    (pictures / "train/labels/02.png").unlink()
    with pytest.raises(TrainingError, match=r"1 pictures .* 02.png"):
        find_pairs(split(pictures))


def test_missing_folder_says_how_to_point_to_another(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="STREAMSEG_DATA"):
        find_pairs(split(tmp_path))


def test_nothing_left_is_an_error(pictures: Path) -> None:
    with pytest.raises(TrainingError, match="no pictures"):
        find_pairs(split(pictures, exclude=["*"]))


def test_void_becomes_ignore(pictures: Path) -> None:
    image, label = read_pair(find_pairs(split(pictures))[0], LABELLING)
    assert label[0, 0] == 255
    assert image.shape == (48, 64, 3)
    assert image[label == 1].mean(0).argmin() == 0, "RGB: the disc was drawn with little blue in BGR's place"


def test_shares_are_of_the_labelled_pixels(pictures: Path) -> None:
    shares = class_shares(find_pairs(split(pictures)), LABELLING)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] > shares[2] > 0


def test_undecodable_picture_is_an_error(pictures: Path) -> None:
    pair = find_pairs(split(pictures))[0]
    pair.image.write_bytes(b"not a picture")
    with pytest.raises(TrainingError, match="cannot be decoded"):
        read_pair(pair, LABELLING)


def test_remapped_ids_become_those_of_classes(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.array([[7, 8, 33, 5, 99, 255]], np.uint8))
    labelling = Labelling(2, (5,), remap={7: 0, 8: 0, 33: 1, 99: 255})
    assert read_label(tmp_path / "a.png", labelling).tolist() == [[0, 0, 1, 255, 255, 255]]
    assert labelling.known == {5, 7, 8, 33, 99, 255}


def test_colours_become_ids(tmp_path: Path) -> None:
    colours = np.array([[(10, 20, 30), (1, 2, 3), (0, 0, 0), (10, 20, 31)]], np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), colours[..., ::-1])
    labelling = Labelling(2, remap={40: 0, 41: 1}, colors={(10, 20, 30): 41, (1, 2, 3): 40, (0, 0, 0): 255})
    assert read_label(tmp_path / "a.png", labelling).tolist() == [[1, 0, 255, 255]]


def test_a_recipe_takes_the_colours_of_its_classes_or_a_table(recipe: Recipe, tmp_path: Path) -> None:
    assert own_labelling(recipe, recipe.data.val).colors == {
        (90, 90, 90): 0,
        (230, 220, 60): 1,
        (20, 30, 90): 2,
    }
    table = tmp_path / "colors.txt"
    table.write_text("4 1 2 3 disc\n")
    data = recipe.data.model_copy(update={"colors": table, "remap": {4: 1}})
    labelling = own_labelling(recipe.model_copy(update={"data": data}), data.val)
    assert labelling == Labelling(3, (9,), {4: 1}, {(1, 2, 3): 4}, color_table=True)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (np.zeros((4, 4), np.uint16), "8 bits a channel, this has 16"),
        (np.zeros((4, 4, 3), np.uint8), r"one channel of ids.*\(4, 4, 3\)"),
    ],
)
def test_what_is_no_label_map_is_said(tmp_path: Path, label: np.ndarray[Any, Any], said: str) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), label)
    with pytest.raises(TrainingError, match=said):
        read_label(tmp_path / "a.png", LABELLING)


def test_a_picture_by_itself_is_rgb(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), np.full((2, 3, 3), (10, 20, 30), np.uint8))  # OpenCV writes BGR
    assert (read_picture(tmp_path / "p.png") == (30, 20, 10)).all()


@pytest.mark.parametrize(
    ("name", "said"), [("gone.png", "no such picture"), ("text.png", "cannot be decoded")]
)
def test_what_is_no_picture_is_told(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(TrainingError, match=rf"{name}: {said}"):
        read_picture(tmp_path / name)
