"""The stretch that is shown is the one that flickers most."""

from __future__ import annotations

import numpy as np

from streamseg.training.report import flicker_strip
from streamseg.training.report.flicker_strip import WITH, WITHOUT, Stretch, rows, total
from streamseg.training.report.gallery import WRONG
from tests.training.moments import CLASSES, labels, moment


def watched(pixels: list[int], length: int = 3) -> Stretch:
    """A still clip of ground in which the single frames see so many pixels of disc, the stabiliser none."""
    stretch = Stretch(length)
    for index, count in enumerate(pixels):
        stretch.add(moment(index, labels(count), labels(0)))
    return stretch


def indices(stretch: Stretch) -> list[int]:
    return [frame.moment.shot.index for frame in stretch.frames]


def test_the_stretch_that_flickers_most_is_kept() -> None:
    stretch = watched([0, 0, 2, 2, 2, 30, 0, 9, 9, 9, 9, 12])
    assert indices(stretch) == [5, 6, 7]
    assert total(stretch.frames, WITHOUT) == 28 + 30 + 9
    assert total(stretch.frames, WITH) == 0


def test_a_short_clip_is_shown_whole() -> None:
    stretch = watched([0, 5], length=6)
    assert indices(stretch) == [0, 1]
    assert [frame.count(WITHOUT) for frame in stretch.frames] == [0, 5]


def test_where_the_truth_is_unknown_nothing_flickers() -> None:
    stretch = Stretch()
    unknown = np.full((8, 10), 255, np.uint8)
    for index, count in enumerate((0, 40)):
        stretch.add(moment(index, labels(count), labels(0), truth=unknown))
    assert total(stretch.frames, WITHOUT) == 0


def test_without_a_stabiliser_there_is_no_strip() -> None:
    stretch = Stretch()
    stretch.add(moment(0, labels(0)))
    stretch.add(moment(1, labels(9)))
    assert stretch.frames == []


def test_a_row_for_the_picture_each_mask_and_each_flicker() -> None:
    drawn = rows(watched([0, 2, 20]).frames, CLASSES)
    assert list(drawn) == [
        "picture",
        "mask without the stabiliser",
        "mask with it",
        "flicker without the stabiliser: 20 pixels",
        "flicker with it: 0 pixels",
    ]
    assert {row.shape for row in drawn.values()} == {(8, 3 * 10 + 2 * 4, 3)}
    marked = [(row == WRONG).all(axis=2).any() for row in drawn.values()]
    assert marked == [False, False, False, True, False]
    assert flicker_strip.WITH == "convgru"
