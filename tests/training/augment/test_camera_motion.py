"""Camera paths: smooth, and with the flow they claim."""

from __future__ import annotations

import numpy as np
import pytest

from streamseg.training.augment.camera_motion import F64, camera_path, cells, flow_between, shrunk
from streamseg.training.config.stage_config import StabiliseRecipe

SIZE_WH = (160, 120)


def path(seed: int, length: int = 6) -> list[F64]:
    rng = np.random.default_rng(seed)
    return camera_path((240, 180), SIZE_WH, length, StabiliseRecipe(), rng)


@pytest.mark.parametrize(("size", "expected"), [((480, 360), (120, 90)), ((65, 33), (17, 9))])
def test_cells_are_rounded_up(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert cells(size) == expected


def test_centres_stay_centres_when_a_picture_shrinks() -> None:
    """The middle of the first four pixels is the first pixel of a quarter; corners meet corners."""
    assert (shrunk(4) @ [1.5, 1.5, 1]).tolist() == [0, 0, 1]
    assert (shrunk(4) @ [-0.5, 7.5, 1]).tolist() == [-0.5, 1.5, 1]


def test_the_generator_decides_everything() -> None:
    assert np.array_equal(path(1), path(1))
    assert not np.array_equal(path(1), path(2))


def test_some_cameras_are_mounted() -> None:
    still = [all(np.array_equal(pose, poses[0]) for pose in poses) for poses in map(path, range(60))]
    assert 4 <= sum(still) <= 24  # one in five


def test_no_camera_jumps() -> None:
    steps = [
        np.abs(flow_between(p[t - 1], p[t], SIZE_WH)).mean() for p in map(path, range(20)) for t in (1, 5)
    ]
    assert max(steps) < 10


def test_flow_of_a_known_move() -> None:
    before, now = np.eye(3), np.eye(3)
    now[:2, 2] = 8, -4  # what was at x is at x + 8 now, so it came from two cells to the left
    flow = flow_between(before, now, SIZE_WH)
    np.testing.assert_allclose(flow[0], -2, atol=1e-6)
    np.testing.assert_allclose(flow[1], 1, atol=1e-6)


def test_flow_of_a_zoom_about_the_middle() -> None:
    now = np.diag([2.0, 2.0, 1.0])
    now[:2, 2] = -80, -60
    flow = flow_between(np.eye(3), now, SIZE_WH)
    assert flow[0, 15, 0] > 9  # the left edge shows what was halfway to the middle
    assert flow[0, 15, -1] < -9
    np.testing.assert_allclose(flow[0], -flow[0, :, ::-1], atol=0.26)
