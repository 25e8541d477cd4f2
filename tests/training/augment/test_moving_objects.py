"""Things pasted into clips: where they are, how they move, what they hide."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from streamseg.training.augment.camera_motion import F64
from streamseg.training.augment.moving_objects import (
    Mover,
    cells_of,
    find_thing,
    own_path,
    paste,
    paste_label,
)
from streamseg.types import U8

CAR, ROAD = 2, 1


def street() -> U8:
    label = np.full((120, 160), ROAD, np.uint8)
    label[50:70, 40:70] = CAR
    label[50:70, 110:140] = CAR
    label[5:8, 5:8] = CAR  # too small
    return label


def shifted(x: float, y: float) -> F64:
    matrix = np.eye(3)
    matrix[:2, 2] = x, y
    return matrix


def mover(*path: F64) -> Mover:
    label = street()
    mask = np.where((label == CAR) & (np.arange(160) < 100) & (np.arange(120) > 20)[:, None], 255, 0)
    return Mover(np.full((120, 160, 3), 200, np.uint8), label, mask.astype(np.uint8), list(path))


def test_a_thing_is_one_connected_part_of_a_fair_size() -> None:
    found = [find_thing(street(), [CAR], np.random.default_rng(seed)) for seed in range(20)]
    masks = [mask for mask in found if mask is not None]
    assert len(masks) == 20
    assert {np.count_nonzero(mask) for mask in masks} == {600}
    assert len({mask.tobytes() for mask in masks}) == 2, "any of them, by chance"


@pytest.mark.parametrize("classes", [[7], [ROAD], []])
def test_nothing_to_take(classes: list[int]) -> None:
    """No such class, too large, nothing asked for."""
    assert find_thing(street(), classes, np.random.default_rng(0)) is None


def test_pasting_changes_the_picture_where_the_thing_is() -> None:
    frame = np.zeros((120, 160, 3), np.uint8)
    pasted = paste(frame, mover(shifted(10, 5)), 0)
    assert (pasted[58:72, 53:77] == 200).all()
    assert not pasted[:50].any()
    assert 0 < pasted[54:77, 49:51].mean() < 200, "its edge is blended"
    assert not frame.any(), "the frame given is left alone"


def test_labels_are_pasted_without_new_ids() -> None:
    label = np.full((60, 80), ROAD, np.uint8)
    half = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
    pasted = paste_label(label, mover(), half @ shifted(10, 6))
    assert set(np.unique(pasted)) == {ROAD, CAR}
    assert (pasted[29:37, 26:39] == CAR).all()
    assert np.count_nonzero(pasted == CAR) == pytest.approx(150, abs=25)


def test_the_cells_covered_follow_the_path() -> None:
    made = mover(shifted(0, 0), shifted(20, 8))
    first, second = cells_of(made, 0, (160, 120)), cells_of(made, 1, (160, 120))
    assert first.shape == (30, 40)
    assert np.array_equal(np.roll(first, (2, 5), (0, 1)), second)
    assert np.count_nonzero(first) == pytest.approx(600 / 16, abs=10)


def test_a_thing_moves_on_its_own_under_a_mounted_camera() -> None:
    mask = mover().mask
    poses = [shifted(3, 1)] * 5
    for seed in range(10):
        path = own_path(mask, poses, np.random.default_rng(seed))
        centres = np.array([(pose @ [55, 60, 1])[:2] for pose in path])
        steps = np.diff(centres, axis=0)
        assert 0.05 < np.abs(steps).max() < 25
        np.testing.assert_allclose(np.diff(steps, axis=0), 0, atol=1.0)  # steady, but for its growing


def test_a_thing_moves_with_the_camera_too() -> None:
    mask = mover().mask
    still = own_path(mask, [np.eye(3)] * 3, np.random.default_rng(1))
    panned = own_path(mask, [shifted(7 * t, 0) for t in range(3)], np.random.default_rng(1))
    for t, (before, now) in enumerate(zip(still, panned, strict=True)):
        np.testing.assert_allclose(now, shifted(7 * t, 0) @ before)
        assert cv2.invert(now)[0] > 0
