"""Things pasted from one picture into another."""

from __future__ import annotations

import numpy as np

from streamseg.training.augment.copy_paste import paste_object
from streamseg.types import U8

GROUND, CAR = 0, 1


def empty_street() -> tuple[U8, U8]:
    return np.full((120, 320, 3), 50, np.uint8), np.zeros((120, 320), np.uint8)


def street_with_a_car() -> tuple[U8, U8]:
    image, label = empty_street()
    image[50:70, 140:170], label[50:70, 140:170] = 200, CAR
    return image, label


def test_picture_and_label_get_the_same_thing() -> None:
    image, label = paste_object(*empty_street(), street_with_a_car(), [CAR], np.random.default_rng(0))
    assert (label == CAR).sum() == 20 * 30
    bright = image[..., 0] > 125
    assert (bright != (label == CAR)).sum() <= 2 * (20 + 30), "they differ by the blended edge at most"


def test_it_lies_near_its_old_place() -> None:
    centres = []
    for seed in range(20):
        _, label = paste_object(*empty_street(), street_with_a_car(), [CAR], np.random.default_rng(seed))
        centres.append(np.argwhere(label == CAR).mean(0) - [59.5, 154.5])
    assert np.abs(centres).max(0)[0] <= 11
    assert 40 < np.abs(centres).max(0)[1] <= 81


def test_pictures_of_another_size_are_fitted() -> None:
    large = [part.repeat(2, 0).repeat(2, 1) for part in street_with_a_car()]
    _, label = paste_object(*empty_street(), (large[0], large[1]), [CAR], np.random.default_rng(0))
    assert abs(int((label == CAR).sum()) - 600) <= 50, "a row and a column more or less"


def test_nothing_to_take_changes_nothing() -> None:
    image, label = empty_street()
    pasted, same = paste_object(image, label, empty_street(), [CAR], np.random.default_rng(0))
    assert pasted is image
    assert same is label
