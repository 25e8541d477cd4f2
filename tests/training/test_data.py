"""Labelled pictures: pairs are found, and everything wrong with them is said before training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamseg.errors import TrainingError
from streamseg.training.data import Labelling, check_pairs, class_shares, find_pairs, read_pair
from streamseg.training.recipe import SplitRecipe

LABELLING = Labelling(3, (9,))


def split(pictures: Path, **more: list[str]) -> SplitRecipe:
    return SplitRecipe(images=pictures / "train/images", labels=pictures / "train/labels", **more)


def test_pairs_come_in_order_of_their_names(pictures: Path) -> None:
    assert [p.image.stem for p in find_pairs(split(pictures))] == ["00", "01", "02", "03", "04", "05"]


def test_excluded_names_are_left_out(pictures: Path) -> None:
    assert [p.image.stem for p in find_pairs(split(pictures, exclude=["0[1-4]*"]))] == ["00", "05"]


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


def test_sound_data_has_no_problems(pictures: Path) -> None:
    assert check_pairs(find_pairs(split(pictures)), LABELLING) == []


def test_all_problems_are_listed(pictures: Path) -> None:
    labels = pictures / "train/labels"
    cv2.imwrite(str(labels / "00.png"), np.zeros((10, 10), np.uint8))
    cv2.imwrite(str(labels / "01.png"), np.zeros((48, 64, 3), np.uint8))
    cv2.imwrite(str(labels / "02.png"), np.full((48, 64), 77, np.uint8))
    (labels / "03.png").write_bytes(b"not a picture")
    problems = check_pairs(find_pairs(split(pictures)), Labelling(4, (9,)))
    for text in ("10x10", "one 8-bit channel", "[77]", "cannot be decoded", "without a single pixel: 3"):
        assert any(text in problem for problem in problems), text


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
