"""Measures against label maps small enough to count by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np
import pytest

from streamseg.training.evaluation import metrics
from streamseg.types import U8


def u8(*rows: list[int]) -> U8:
    return np.array(rows, np.uint8)


def test_iou_by_hand() -> None:
    confusion = metrics.Confusion(3)
    confusion.add(u8([0, 0, 1, 255]), u8([0, 1, 1, 2]))
    assert confusion.iou[:2] == pytest.approx([0.5, 0.5])
    assert math.isnan(confusion.iou[2]), "a class seen in neither map does not count"
    assert confusion.mean_iou == pytest.approx(0.5)
    assert confusion.accuracy == pytest.approx(2 / 3)


def test_counts_add_up_over_pictures() -> None:
    apart, together = metrics.Confusion(4), metrics.Confusion(4)
    rng = np.random.default_rng(0)
    truth, prediction = (rng.integers(0, 4, (6, 8)).astype(np.uint8) for _ in range(2))
    together.add(truth, prediction)
    apart.add(truth[:3], prediction[:3])
    apart.add(truth[3:], prediction[3:])
    assert np.array_equal(apart.counts, together.counts)


def test_nothing_counted_is_nan() -> None:
    assert math.isnan(metrics.Confusion(2).mean_iou)


def test_boundaries_lie_on_both_sides() -> None:
    assert metrics.boundaries(u8([0, 0, 1, 1])).tolist() == [[False, True, True, False]]
    assert metrics.boundaries(u8([0], [0], [1])).tolist() == [[False], [True], [True]]


def square(x: int) -> U8:
    labels = np.zeros((40, 40), np.uint8)
    labels[10:30, x : x + 20] = 1
    return labels


@pytest.mark.parametrize(("shift", "expected"), [(0, 1.0), (2, 1.0), (9, 0.55)])
def test_boundary_f1_forgives_three_pixels(shift: int, expected: float) -> None:
    measure = metrics.BoundaryF1(3)
    measure.add(square(10), square(10 + shift))
    assert measure.value == pytest.approx(expected, abs=0.15)


def test_boundary_f1_without_boundaries_is_zero() -> None:
    measure = metrics.BoundaryF1()
    measure.add(np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8))
    assert measure.value == 0


def textured() -> U8:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (60, 80, 3)).astype(np.uint8)
    picture: U8 = cv2.resize(noise, (240, 180), interpolation=cv2.INTER_CUBIC)
    return picture


def test_motion_of_a_shifted_picture() -> None:
    picture = textured()
    motion = metrics.measure_motion(picture, np.roll(picture, 5, axis=1))
    inner = motion.flow[30:-30, 30:-30]
    assert np.median(inner[..., 0]) == pytest.approx(-5, abs=0.3)
    assert np.median(inner[..., 1]) == pytest.approx(0, abs=0.3)
    assert motion.consistent[30:-30, 30:-30].mean() > 0.95


def test_labels_travel_with_the_flow() -> None:
    labels = np.tile(np.arange(10, dtype=np.uint8), (4, 1))
    flow = np.zeros((4, 10, 2), np.float32)
    flow[..., 0] = -2
    warped = metrics.warp_labels(labels, flow)
    assert warped[0].tolist() == [255, 255, 0, 1, 2, 3, 4, 5, 6, 7]


def steadiness(predictions: list[U8], truth: U8) -> metrics.TemporalConsistency:
    measure = metrics.TemporalConsistency(3)
    motion = metrics.measure_motion(textured(), textured())
    for before, now in pairwise(predictions):
        measure.add(motion, (truth, before), (truth, now))
    return measure


def test_a_still_prediction_does_not_flicker() -> None:
    truth = np.zeros((180, 240), np.uint8)
    measure = steadiness([truth, truth, truth], truth)
    assert measure.flicker == 0
    assert measure.temporal_iou == 1
    assert measure.changed_accuracy == 0, "nothing changed"


def test_flicker_is_the_share_that_changed() -> None:
    truth = np.zeros((180, 240), np.uint8)
    other = truth.copy()
    other[:, :24] = 1
    assert steadiness([truth, other], truth).flicker == pytest.approx(0.1, abs=0.01)


def test_ignored_pixels_do_not_flicker() -> None:
    truth = np.full((180, 240), 255, np.uint8)
    other = np.ones((180, 240), np.uint8)
    assert steadiness([np.zeros_like(other), other], truth).flicker == 0


def test_changed_pixels_are_judged_by_the_new_truth() -> None:
    before, now = np.zeros((180, 240), np.uint8), np.zeros((180, 240), np.uint8)
    now[:, :100] = 1
    half_right = np.zeros_like(now)
    half_right[:, :50] = 1
    measure = metrics.TemporalConsistency(3)
    motion = metrics.measure_motion(textured(), textured())
    measure.add(motion, (before, before), (now, half_right))
    assert measure.changed_accuracy == pytest.approx(0.5)


def test_calibration_by_hand() -> None:
    measure = metrics.Calibration()
    truth = u8([0, 0, 0, 0, 255])
    measure.add(truth, u8([0, 0, 1, 1, 1]), u8([255, 255, 255, 255, 0]))
    assert measure.error == pytest.approx(0.5), "certain, and right half the time"
    honest = metrics.Calibration()
    honest.add(truth, u8([0, 0, 0, 0, 0]), u8([255] * 5))
    assert honest.error == 0
    assert np.isnan(metrics.Calibration().error), "who says nothing is not perfect"


def test_calm_pixels_are_known_believed_and_away_from_boundaries() -> None:
    truth = np.zeros((9, 20), np.uint8)
    truth[:, 10:] = 1
    truth[0, 0] = 255
    warped = np.zeros_like(truth)
    warped[8, 0] = 255
    motion = metrics.Motion(np.zeros((9, 20, 2), np.float32), np.ones((9, 20), np.bool_))
    motion.consistent[5, 19] = False
    calm = metrics.calm_pixels(motion, warped, truth)
    assert calm[5].tolist() == [True] * 6 + [False] * 8 + [True] * 5 + [False]
    assert not calm[8, 0]
    assert not calm[:5, :4].any(), "an ignored pixel has a boundary, too"
