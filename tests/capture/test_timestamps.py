"""Capture times and what they rest on."""

from __future__ import annotations

import pytest

from streamseg.capture.decoder import DecodedFrame
from streamseg.capture.timestamps import TRUST_S, file_stamp, live_stamp
from streamseg.types import Clock
from tests.fakes.source import make_picture


def decoded(camera_unix_s: float | None) -> DecodedFrame:
    return DecodedFrame(
        make_picture, 1.0, arrived_mono_s=50.0, arrived_unix_s=1.8e9, camera_unix_s=camera_unix_s
    )


def test_without_the_cameras_time_it_is_the_hosts() -> None:
    stamp = live_stamp(decoded(None))
    assert (stamp.mono_s, stamp.unix_s, stamp.clock) == (50.0, 1.8e9, Clock.HOST)


def test_the_cameras_time_is_taken_for_the_wall_and_never_for_durations() -> None:
    stamp = live_stamp(decoded(1.8e9 - 0.25))
    assert (stamp.mono_s, stamp.unix_s, stamp.clock) == (50.0, 1.8e9 - 0.25, Clock.RTCP)


@pytest.mark.parametrize("off_s", [-1.8e9, -TRUST_S - 1, TRUST_S + 1])
def test_a_camera_whose_clock_is_not_set_is_not_believed(off_s: float) -> None:
    assert live_stamp(decoded(1.8e9 + off_s)).clock is Clock.HOST


def test_a_files_frame_is_captured_when_it_is_due() -> None:
    stamp = file_stamp(decoded(None), due_mono_s=50.5)
    assert (stamp.mono_s, stamp.unix_s, stamp.clock) == (50.5, 1.8e9 + 0.5, Clock.FILE)
