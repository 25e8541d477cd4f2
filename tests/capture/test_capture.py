"""The capture of a stream: states, retries, the watchdog, the end."""

from __future__ import annotations

import math
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from streamseg.capture import capture as capture_module
from streamseg.capture import pacing
from streamseg.capture.source import describe
from streamseg.capture.timestamps import live_stamp
from streamseg.concurrency.mailbox import Closed, Overflow
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault
from streamseg.types import Clock, StreamState
from tests.capture.conftest import Captured, StartCapture, write_clip
from tests.capture.servers import http_server, sends_jpegs
from tests.capture.test_pyav import jpegs
from tests.fakes.source import FakeSource, Refusal, Silence
from tests.waiting import time_limit, wait_for

CONNECTING, RUNNING, STALLED = StreamState.CONNECTING, StreamState.RUNNING, StreamState.STALLED
BACKOFF, ENDED, FAILED = StreamState.BACKOFF, StreamState.ENDED, StreamState.FAILED

CAMERA = "rtsp://me:secret@cam/x"
SOURCE = SourceConfig(url=CAMERA)
QUICK = {"reconnect_initial_s": 0.1, "reconnect_max_s": 0.4}


def failing(reason: SourceFault) -> Refusal:
    return Refusal(SourceError(reason, f"fake: {reason}"))


def test_an_unpaced_file_loses_no_frame_and_ends(clip: Path, capture: StartCapture) -> None:
    captured = capture(clip, pace=False)
    frames = captured.drain()
    change = captured.told.wait_for(ENDED)
    assert (change.reason, change.stream) == ("eof", "gate")
    assert captured.told.states == [CONNECTING, RUNNING, ENDED]
    assert [frame.seq for frame in frames] == list(range(10))
    assert [frame.discontinuity for frame in frames] == [True, *[False] * 9]
    assert {frame.clock for frame in frames} == {Clock.FILE}
    assert captured.mailbox.dropped == 0
    assert (captured.capture.captured, captured.capture.reconnects) == (10, 0)


def test_a_paced_file_is_captured_when_its_frames_are_due(
    clip: Path, capture: StartCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "_LATE_S", math.inf)  # a machine that is late does not begin its count anew
    began_s = time.monotonic()
    frames = capture(clip, overflow=Overflow.BLOCK).drain()
    due_s = [frame.captured_mono_s for frame in frames]
    assert [b - a for a, b in pairwise(due_s)] == pytest.approx([0.04] * 9, abs=1e-6)
    assert time.monotonic() - began_s >= 0.36
    assert frames[0].captured_unix_s == pytest.approx(time.time(), abs=time_limit(120))


def test_however_short_it_ran_it_was_running(capture: StartCapture) -> None:
    captured = capture("clip.mp4", FakeSource([[1]], finite=True), pace=False)
    captured.told.wait_for(ENDED)
    assert captured.told.states == [CONNECTING, RUNNING, ENDED]


def test_a_looped_file_goes_on_with_its_seq(clip: Path, capture: StartCapture) -> None:
    captured = capture(clip, pace=False, loop=True)
    frames = captured.take(25)
    assert [frame.seq for frame in frames] == list(range(25))
    assert [frame.seq for frame in frames if frame.discontinuity] == [0, 10, 20]
    assert captured.stop()
    assert ENDED not in captured.told.states
    assert captured.told.states.count(CONNECTING) == 1


def test_max_fps(tmp_path: Path, capture: StartCapture) -> None:
    path = write_clip(tmp_path / "second.mp4", frames=25)
    assert len(capture(path, pace=False, max_fps=5.0).drain()) == 5


def test_a_file_that_cannot_be_read_fails_at_once(tmp_path: Path, capture: StartCapture) -> None:
    captured = capture(tmp_path / "nothing.mp4")
    assert captured.drain() == []
    change = captured.told.wait_for(FAILED)
    assert change.reason == "not_found"
    assert change.message.endswith("nothing.mp4: there is no such file")
    assert captured.told.states == [CONNECTING, FAILED]


def test_a_scheme_nobody_knows_fails_without_a_try(capture: StartCapture) -> None:
    captured = capture("gopher://me:secret@host/x", overflow=Overflow.BLOCK)
    assert captured.drain() == []
    change = captured.told.wait_for(FAILED)
    assert (change.reason, "secret" in change.message) == ("unsupported", False)


def test_a_lost_camera_is_opened_again_and_its_seq_goes_on(capture: StartCapture) -> None:
    fake = FakeSource([[3], failing(SourceFault.REFUSED), [3, Silence()]])
    captured = capture(CAMERA, fake, Overflow.BLOCK, **QUICK)
    frames = captured.take(6)
    assert [frame.seq for frame in frames] == list(range(6))
    assert [frame.discontinuity for frame in frames] == [True, False, False] * 2
    first, second = captured.told.wait_for(BACKOFF), captured.told.wait_for(BACKOFF, nth=2)
    assert (first.reason, first.retry_in_s, second.reason, second.retry_in_s) == ("eof", 0.1, "refused", 0.2)
    captured.told.wait_for(RUNNING, nth=2)
    assert captured.capture.reconnects == 2
    expected = [CONNECTING, RUNNING, BACKOFF, CONNECTING, BACKOFF, CONNECTING, RUNNING]
    assert captured.told.states == expected
    fake.release.set()


def test_a_dropped_first_frame_leaves_its_mark_to_the_next(capture: StartCapture) -> None:
    fake = FakeSource([[3, Silence()]])
    captured = capture(CAMERA, fake)  # newest wins, and nobody takes the first two
    wait_for(lambda: captured.capture.captured == 3)
    (frame,) = captured.take(1)
    assert (frame.seq, frame.discontinuity, captured.mailbox.dropped) == (2, True, 2)
    fake.release.set()


def test_a_frame_after_the_mark_was_seen_bears_none(capture: StartCapture) -> None:
    fake = FakeSource([[1, Silence()]])
    captured = capture(CAMERA, fake)
    assert captured.take(1)[0].discontinuity
    deliver, decoded = captured.capture._deliver, next(fake(SOURCE, describe(SOURCE)).frames())
    deliver(decoded, live_stamp(decoded), False)
    assert not captured.take(1)[0].discontinuity
    fake.release.set()


def test_waits_grow_to_their_cap(capture: StartCapture) -> None:
    captured = capture(CAMERA, FakeSource([failing(SourceFault.REFUSED)]), **QUICK)
    waits = [captured.told.wait_for(BACKOFF, nth).retry_in_s for nth in range(1, 5)]
    assert waits == [0.1, 0.2, 0.4, 0.4]


@pytest.mark.parametrize("reason", [SourceFault.AUTH, SourceFault.NO_VIDEO, SourceFault.UNSUPPORTED])
def test_what_only_a_person_mends_is_tried_at_the_slow_end(
    reason: SourceFault, capture: StartCapture
) -> None:
    captured = capture(CAMERA, FakeSource([failing(reason)]), **QUICK)
    assert captured.told.wait_for(BACKOFF).retry_in_s == 0.4
    assert captured.told.wait_for(BACKOFF, nth=2).reason == reason


def test_a_connection_that_worked_for_a_while_starts_over_quickly(
    capture: StartCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_module, "HEALTHY_S", 0.0)
    captured = capture(CAMERA, FakeSource([[2]]), **QUICK)
    assert [captured.told.wait_for(BACKOFF, nth).retry_in_s for nth in (1, 2, 3)] == [0.1] * 3


def test_a_silent_camera_is_stalled_and_opened_again(capture: StartCapture) -> None:
    fake = FakeSource([[2, Silence()], [2, Silence()]])
    captured = capture(CAMERA, fake, Overflow.BLOCK, stall_after_s=0.5, **QUICK)
    seqs = [frame.seq for frame in captured.take(2)]
    change = captured.told.wait_for(STALLED)
    assert (change.reason, change.message) == ("stalled", "rtsp://***@cam/x: no frame for 0.5 s")
    assert fake.opened == 1  # one reader at a time: the stuck one must let go first
    fake.release.set()
    captured.told.wait_for(RUNNING, nth=2)
    assert captured.told.states[:5] == [CONNECTING, RUNNING, STALLED, CONNECTING, RUNNING]
    assert [*seqs, *(frame.seq for frame in captured.take(2))] == [0, 1, 2, 3]


def test_a_camera_that_opens_and_never_sends_is_stalled_and_waited_for(capture: StartCapture) -> None:
    fake = FakeSource([[Silence()]])
    fake.release.set()  # FFmpeg's own limit struck first
    captured = capture(CAMERA, fake, **QUICK)
    assert captured.told.wait_for(BACKOFF).reason == "stalled"
    assert captured.told.states[:3] == [CONNECTING, STALLED, BACKOFF]


def test_stop_in_a_silence_is_quick_and_leaves_the_read(capture: StartCapture) -> None:
    fake = FakeSource([[1, Silence()]])
    captured = capture(CAMERA, fake)
    captured.told.wait_for(RUNNING)
    assert captured.stop()  # the silence has no end
    assert captured.told.states == [CONNECTING, RUNNING]
    assert _is_closed(captured)
    assert captured.capture.held  # who ends the process must not pull FFmpeg from under it
    fake.release.set()
    wait_for(lambda: not captured.capture.held)


def test_stop_in_a_backoff_is_at_once(capture: StartCapture) -> None:
    captured = capture(CAMERA, FakeSource([failing(SourceFault.AUTH)]), reconnect_max_s=300.0)
    assert captured.told.wait_for(BACKOFF).retry_in_s == 300.0
    assert captured.stop()
    assert _is_closed(captured)


def test_stop_wakes_a_capture_whose_consumer_does_not_take(clip: Path, capture: StartCapture) -> None:
    captured = capture(clip, pace=False)
    captured.told.wait_for(RUNNING)
    assert captured.stop()
    assert [frame.seq for frame in captured.drain()] == [0]  # what waited may still be taken


def test_stop_before_the_start_is_no_trouble(clip: Path, capture: StartCapture) -> None:
    captured = capture(clip)
    captured.capture.stop()
    captured.capture.stop()
    assert captured.stop()


def test_a_bug_of_ours_in_the_capture_is_told(
    clip: Path, capture: StartCapture, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(capture_module, "describe", lambda _: 1 / 0)
    captured = capture(clip)
    change = captured.told.wait_for(FAILED)
    assert "ZeroDivisionError" in change.message
    assert captured.drain() == []
    assert "Traceback" in caplog.text


def test_a_real_jpeg_camera_falls_silent_and_comes_back(capture: StartCapture) -> None:
    over = threading.Event()
    with http_server(sends_jpegs(jpegs(20), then=over)) as url:
        captured = capture(f"{url}/video.mjpg", stall_after_s=0.5, **QUICK)
        captured.told.wait_for(STALLED)
        captured.told.wait_for(RUNNING, nth=2)
        over.set()
        assert captured.stop()
    seqs = [frame.seq for frame in captured.drain()]
    assert seqs == sorted(seqs)


def _is_closed(captured: Captured) -> bool:
    """Whether the consumer has been told that nothing more comes."""
    try:
        while captured.mailbox.poll() is not None:
            pass
    except Closed:
        return True
    return False
