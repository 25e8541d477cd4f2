from __future__ import annotations

import numpy as np
import pytest

from streamseg.temporal.optical_flow import MotionMode, OpticalFlow, carry, in_cells, luma_of, luma_size
from streamseg.types import F32, U8
from tests.temporal.conftest import LUMA_WH, view

CELLS_WH = (120, 90)
INSIDE = np.s_[10:-10, 10:-10]


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (4, 0), (0, -6), (-8, 4)])
def test_flow_says_where_each_cell_was(place: U8, dx: int, dy: int) -> None:
    """The camera moves by (dx, dy): what is at x now was at x + dx before."""
    flow = OpticalFlow(CELLS_WH).flow(view(place, 60 + dx, 60 + dy), view(place, 60, 60))
    assert flow.shape == (1, 2, 90, 120)
    assert flow.dtype == np.float32
    assert flow.flags.c_contiguous
    across, down = CELLS_WH[0] / LUMA_WH[0], CELLS_WH[1] / LUMA_WH[1]
    assert np.median(flow[0, 0][INSIDE]) == pytest.approx(dx * across, abs=0.25)
    assert np.median(flow[0, 1][INSIDE]) == pytest.approx(dy * down, abs=0.25)


def test_cells_need_not_be_square(place: U8) -> None:
    flow = OpticalFlow((60, 90)).flow(view(place, 64, 64), view(place, 60, 60))
    assert flow.shape == (1, 2, 90, 60)
    assert np.median(flow[0, 0][INSIDE]) == pytest.approx(1.0, abs=0.2)
    assert np.median(flow[0, 1][INSIDE]) == pytest.approx(2.0, abs=0.2)


def test_carrying_a_picture_along_its_flow_gives_the_next(place: U8) -> None:
    before, now = view(place, 60, 60), view(place, 66, 58)
    motion = OpticalFlow(LUMA_WH)
    planes = np.stack([before, before]).astype(np.float32)[None]
    carried = carry(planes, motion.flow(now, before))
    assert carried.shape == planes.shape
    error = np.abs(carried[0, 1] - now)[INSIDE].mean()
    assert error < 0.25 * np.abs(before.astype(np.float32) - now)[INSIDE].mean()


def test_without_motion_nothing_moves(place: U8) -> None:
    motion = OpticalFlow(CELLS_WH, MotionMode.NONE)
    flow = motion.flow(view(place, 66, 60), view(place, 60, 60))
    assert flow.shape == (1, 2, 90, 120)
    assert not flow.any()
    planes = np.random.default_rng(0).random((1, 3, 90, 120), dtype=np.float32)
    np.testing.assert_array_equal(carry(planes, flow), planes)


def test_flow_arrays_are_not_shared(place: U8) -> None:
    motion = OpticalFlow(CELLS_WH)
    first = motion.flow(view(place, 64, 60), view(place, 60, 60))
    kept = first.copy()
    motion.flow(view(place, 60, 70), view(place, 60, 60))
    np.testing.assert_array_equal(first, kept)


def test_the_same_pictures_give_the_same_flow(place: U8) -> None:
    """Whatever was asked in between, and whoever asks."""
    now, before, motion = view(place, 64, 61), view(place, 60, 60), OpticalFlow(CELLS_WH)
    first = motion.flow(now, before)
    motion.flow(view(place, 30, 30), before)
    np.testing.assert_array_equal(motion.flow(now, before), first)
    np.testing.assert_array_equal(OpticalFlow(CELLS_WH).flow(now, before), first)


def test_pixels_become_cells() -> None:
    moved = np.empty((180, 240, 2), np.float32)
    moved[..., 0], moved[..., 1] = 8.0, -4.0
    flow: F32 = in_cells(moved, (60, 90))
    np.testing.assert_allclose(flow[0, 0], 2.0)
    np.testing.assert_allclose(flow[0, 1], -2.0)


def test_the_guide_is_luma_between_0_and_1() -> None:
    luma = np.zeros((180, 240), np.uint8)
    luma[:, 120:] = 255
    guide = OpticalFlow(CELLS_WH).guide(luma)
    assert guide.shape == (1, 1, 90, 120)
    assert guide.dtype == np.float32
    assert guide.flags.c_contiguous
    assert (guide[..., :60] == 0).all()
    np.testing.assert_allclose(guide[..., 60:], 1.0, rtol=1e-6)


def test_luma_of_a_picture_weighs_its_colours() -> None:
    """BT.601: green is bright, blue is dark; at the size that motion takes."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32, 1] = picture[:, 32:, 2] = 255
    luma = luma_of(picture, (64, 48))
    assert luma.shape == (12, 16)
    assert (luma[:, :8] == 150).all()
    assert (luma[:, 8:] == 29).all()


@pytest.mark.parametrize(
    ("size", "quarter"), [((480, 360), (120, 90)), ((65, 33), (16, 12)), ((1, 1), (12, 12))]
)
def test_luma_at_a_quarter_of_the_size(size: tuple[int, int], quarter: tuple[int, int]) -> None:
    assert luma_size(size) == quarter
