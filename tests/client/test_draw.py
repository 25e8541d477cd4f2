"""Masks in colour."""

from __future__ import annotations

import numpy as np
import pytest

from streamseg.client.draw import BACKGROUND, colorize, contact_sheet, legend, overlay
from streamseg.types import ClassInfo

CLASSES = (ClassInfo(0, "sky", (10, 20, 30)), ClassInfo(3, "car", (200, 0, 100)))
LABELS = np.array([[0, 3], [255, 7]], np.uint8)


def test_each_pixel_gets_its_classes_colour() -> None:
    assert colorize(LABELS, CLASSES).tolist() == [[[10, 20, 30], [200, 0, 100]], [[0, 0, 0], [0, 0, 0]]]


def test_an_overlay_blends_and_shows_ignored_pixels_bare() -> None:
    picture = np.full((2, 2, 3), 100, np.uint8)
    drawn = overlay(picture, LABELS, CLASSES, opacity=0.5)
    assert drawn[0, 1].tolist() == [150, 50, 100]
    assert drawn[1, 0].tolist() == [100, 100, 100]
    assert (picture == 100).all()


def test_the_legend_shows_every_colour() -> None:
    strip = legend(CLASSES, 400)
    assert strip.shape[1:] == (400, 3)
    for info in CLASSES:
        assert (strip == info.color).all(2).sum() >= 18 * 18, info.name


def test_a_narrow_legend_has_more_lines() -> None:
    assert legend(CLASSES, 100).shape[0] > legend(CLASSES, 1000).shape[0]


@pytest.mark.parametrize(("count", "columns"), [(1, 2), (5, 2), (6, 2), (2, 1), (4, 3)])
def test_a_contact_sheet_holds_picture_and_mask_of_each_moment(count: int, columns: int) -> None:
    moments = [(np.full((30, 40, 3), 50 + i, np.uint8), np.full((30, 40), 3, np.uint8)) for i in range(count)]
    sheet = contact_sheet(moments, CLASSES, columns)
    rows, width = -(-count // columns), columns * 2 * 40
    assert sheet.shape == (rows * 30 + legend(CLASSES[1:], width).shape[0], width, 3)
    for i in range(rows * columns):
        y, x = i // columns * 30, i % columns * 80
        picture, mask = sheet[y : y + 30, x : x + 40], sheet[y : y + 30, x + 40 : x + 80]
        assert (picture == (50 + i if i < count else BACKGROUND)).all()
        assert (mask == ((200, 0, 100) if i < count else BACKGROUND)).all()


def test_a_sheet_names_only_what_is_seen() -> None:
    picture, nothing = np.zeros((30, 40, 3), np.uint8), np.full((30, 40), 255, np.uint8)
    sheet = contact_sheet([(picture, nothing)], CLASSES, columns=1)
    assert (sheet[30:] == BACKGROUND).all()


@pytest.mark.parametrize(("opacity", "expected"), [(0.0, [100, 100, 100]), (1.0, [200, 0, 100])])
def test_opacity_goes_from_nothing_to_everything(opacity: float, expected: list[int]) -> None:
    picture, labels = np.full((1, 1, 3), 100, np.uint8), np.array([[3]], np.uint8)
    assert overlay(picture, labels, CLASSES, opacity)[0, 0].tolist() == expected


def test_a_sheet_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([], CLASSES)
