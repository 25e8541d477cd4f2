"""Due times and the choice of frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.capture.pacing import FrameRateLimiter, Pacer

times = st.none() | st.floats(-1e5, 1e5)


def test_frames_are_due_as_far_apart_as_their_pts() -> None:
    pace = Pacer(frame_s=0.5)
    assert [pace.due(pts_s, 100.0) for pts_s in (7.0, 7.04, 7.12)] == pytest.approx([100.0, 100.04, 100.12])


def test_a_loop_goes_on_one_frame_later() -> None:
    pace = Pacer(frame_s=0.04)
    assert [pace.due(pts_s, 0.0) for pts_s in (0.0, 0.1, 0.0, 0.1)] == pytest.approx([0.0, 0.1, 0.14, 0.24])


def test_a_leap_or_a_missing_pts_is_one_frame() -> None:
    pace = Pacer(frame_s=0.04)
    assert [pace.due(pts_s, 0.0) for pts_s in (0.0, 3600.0, None, None)] == pytest.approx(
        [0.0, 0.04, 0.08, 0.12]
    )


def test_who_is_far_behind_goes_on_from_now() -> None:
    pace = Pacer(frame_s=0.04)
    pace.due(0.0, 10.0)
    assert pace.due(0.04, 10.5) == pytest.approx(10.04)  # a little late: catch up
    assert pace.due(0.08, 20.0) == 20.0
    assert pace.due(0.12, 20.0) == pytest.approx(20.04)


@given(st.lists(st.tuples(times, st.floats(0, 5)), min_size=1))
def test_due_times_never_go_back_nor_fall_far_behind(frames: list[tuple[float | None, float]]) -> None:
    pace, now_s, last_s = Pacer(frame_s=0.04), 1000.0, 0.0
    for pts_s, step_s in frames:
        now_s += step_s
        due_s = pace.due(pts_s, now_s)
        assert due_s >= last_s
        assert now_s - due_s <= 1.0
        last_s = due_s


@pytest.mark.parametrize(
    ("max_fps", "kept"), [(None, 100), (25.0, 100), (10.0, 40), (5.0, 20), (0.5, 2), (60.0, 100)]
)
def test_so_many_of_100_frames_at_25_a_second(max_fps: float | None, kept: int) -> None:
    thinner = FrameRateLimiter(max_fps)
    assert sum(thinner.keep(number * 0.04) for number in range(100)) == kept


@given(start_s=st.floats(-1e6, 1e6), max_fps=st.floats(0.1, 60), rate_hz=st.floats(1, 120))
def test_never_more_than_asked_for(start_s: float, max_fps: float, rate_hz: float) -> None:
    thinner = FrameRateLimiter(max_fps)
    count = 200
    kept = sum(thinner.keep(start_s + number / rate_hz) for number in range(count))
    assert 1 <= kept <= count / rate_hz * max_fps + 2


def test_milliseconds_as_containers_round_them_do_no_harm() -> None:
    thinner = FrameRateLimiter(30.0)
    assert all(thinner.keep(round(number / 30, 3)) for number in range(300))


def test_one_frame_in_a_thousand_seconds() -> None:
    thinner = FrameRateLimiter(0.001)
    assert [thinner.keep(time_s) for time_s in (0.0, 999.0, 1000.0, 1999.0)] == [True, False, True, False]


def test_the_first_frame_of_a_loop_is_kept() -> None:
    thinner = FrameRateLimiter(1.0)
    assert [thinner.keep(time_s) for time_s in (0.0, 0.5, 1.0, 0.0, 0.5)] == [True, False, True, True, False]
