"""One connection: what it hands on, how it tells its watcher, how it is left."""

from __future__ import annotations

import math
import threading
import time
from itertools import pairwise

import pytest

from streamseg.capture import pacing
from streamseg.capture.connection import Connection, Phase
from streamseg.capture.decoder import DecodedFrame
from streamseg.capture.source import describe
from streamseg.capture.timestamps import CaptureTime
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.mailbox import Closed
from streamseg.concurrency.worker_thread import StoppableThread
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault
from streamseg.types import Clock
from tests.fakes.source import FakeSource, Refusal, Silence
from tests.waiting import time_limit, wait_for

SOON_S = time_limit(60)


class Delivered:
    """Takes what a connection hands on."""

    def __init__(self) -> None:
        self.frames: list[tuple[DecodedFrame, CaptureTime, bool]] = []
        self.enough = threading.Event()

    def __call__(self, decoded: DecodedFrame, stamp: CaptureTime, discontinuity: bool) -> None:
        self.frames.append((decoded, stamp, discontinuity))
        if len(self.frames) >= 12:
            self.enough.set()


def connected(
    fake: FakeSource,
    delivered: object = None,
    url: str = "rtsp://cam/x",
    max_fps: float | None = None,
    **fields: float | bool,
) -> Connection:
    source = SourceConfig.model_validate({"url": url, **fields})
    deliver = delivered or Delivered()
    assert callable(deliver)
    connection = Connection("read-gate", source, describe(source), fake, deliver, max_fps=max_fps)
    connection.start()
    return connection


def test_a_live_connection_hands_on_what_comes_and_is_over() -> None:
    delivered = Delivered()
    connection = connected(FakeSource([[3]]), delivered)
    assert connection.join(Deadline(SOON_S))
    assert [mark for _, _, mark in delivered.frames] == [True, False, False]
    assert {stamp.clock for _, stamp, _ in delivered.frames} == {Clock.HOST}
    assert (connection.error, connection.finite) == (None, False)
    assert connection.ran_s > 0
    assert connection.wait(Phase.RUNNING, threading.Event(), SOON_S) is Phase.OVER


@pytest.mark.parametrize(("finite", "reason"), [(True, SourceFault.DECODE), (False, SourceFault.EOF)])
def test_an_end_before_the_first_picture_is_a_failure(finite: bool, reason: SourceFault) -> None:
    connection = connected(FakeSource([[]], finite=finite))
    assert connection.join(Deadline(SOON_S))
    assert connection.error is not None
    assert connection.error.reason is reason
    kept = (connection.error.__traceback__, connection.error.__cause__, connection.error.__context__)
    assert kept == (None, None, None), "they would keep the decoder too"


def test_a_failure_is_kept_and_the_video_closed() -> None:
    fake = FakeSource([[2, SourceError(SourceFault.DECODE, "broken")]])
    connection = connected(fake)
    assert connection.join(Deadline(SOON_S))
    assert str(connection.error) == "broken"
    assert (fake.opened, fake.closed) == (1, 1)


def test_a_source_that_cannot_be_opened() -> None:
    connection = connected(FakeSource([Refusal(SourceError(SourceFault.REFUSED, "no"))]))
    assert connection.join(Deadline(SOON_S))
    assert connection.error is not None
    assert connection.ran_s == 0.0


@pytest.fixture
def _never_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is late does not begin its count anew."""
    monkeypatch.setattr(pacing, "_LATE_S", math.inf)


@pytest.mark.usefixtures("_never_late")
def test_a_looped_file_goes_on_and_marks_each_turn() -> None:
    delivered = Delivered()
    fake = FakeSource([[4]], finite=True)
    connection = connected(fake, delivered, url="clip.mp4", loop=True)
    assert delivered.enough.wait(SOON_S)
    connection.leave()
    assert connection.join(Deadline(SOON_S))
    assert [mark for _, _, mark in delivered.frames[:12]] == [True, False, False, False] * 3
    due = [stamp.mono_s for _, stamp, _ in delivered.frames[:12]]
    assert [b - a for a, b in pairwise(due)] == pytest.approx([0.04] * 11)
    assert fake.closed == fake.opened


def test_a_paced_file_is_not_ahead_of_its_time() -> None:
    early: list[float] = []

    def deliver(_: DecodedFrame, stamp: CaptureTime, mark: bool) -> None:
        assert isinstance(mark, bool)
        early.append(stamp.mono_s - time.monotonic())

    connection = connected(FakeSource([[5]], finite=True), deliver, url="clip.mp4")
    assert connection.join(Deadline(SOON_S))
    assert len(early) == 5
    assert max(early) < 0.001  # two clocks read one after the other, in floating point


def test_max_fps_skips_frames_before_their_pictures_are_made() -> None:
    delivered = Delivered()
    connection = connected(FakeSource([[25]]), delivered, max_fps=5.0)
    assert connection.join(Deadline(SOON_S))
    assert [frame.pts_s for frame, _, _ in delivered.frames] == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])


def test_silence_is_measured_and_our_own_waiting_is_not() -> None:
    fake = FakeSource([[1, Silence()]])
    handing, go_on = threading.Event(), threading.Event()

    def deliver(_: DecodedFrame, __: CaptureTime, ___: bool) -> None:
        handing.set()
        go_on.wait(SOON_S)

    connection = connected(fake, deliver)
    assert handing.wait(SOON_S)
    assert connection.silence_s == 0.0  # the consumer is slow, not the source
    go_on.set()
    assert connection.wait(Phase.WAITING, threading.Event(), SOON_S) is Phase.RUNNING
    wait_for(lambda: connection.silence_s >= 0.05)
    fake.release.set()
    assert connection.join(Deadline(SOON_S))
    assert connection.error is not None
    assert connection.error.reason is SourceFault.STALLED


def test_left_in_a_silence_it_ends_when_the_source_lets_go() -> None:
    fake = FakeSource([[1, Silence()]])
    connection = connected(fake)
    connection.leave()
    assert not connection.join(Deadline(0.01))
    fake.release.set()
    assert connection.join(Deadline(SOON_S))
    assert fake.closed == 1


def test_a_closed_mailbox_ends_it_without_an_error() -> None:
    def deliver(_: DecodedFrame, __: CaptureTime, ___: bool) -> None:
        raise Closed

    connection = connected(FakeSource([[5]]), deliver)
    assert connection.join(Deadline(SOON_S))
    assert connection.error is None


def test_an_error_of_ours_is_an_error_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def deliver(_: DecodedFrame, __: CaptureTime, ___: bool) -> None:
        raise ZeroDivisionError

    connection = connected(FakeSource([[5]]), deliver)
    assert connection.join(Deadline(SOON_S))
    assert connection.error is not None
    assert "see the log" in str(connection.error)
    assert "ZeroDivisionError" in caplog.text


def test_stop_ends_a_wait() -> None:
    fake = FakeSource([[Silence()]])
    connection = connected(fake)
    stop = threading.Event()
    phase = connection.wait(Phase.OPENING, threading.Event(), SOON_S)

    def end(_: threading.Event) -> None:
        stop.set()
        connection.wake()

    owner = StoppableThread("owner", end)
    owner.start()
    assert connection.wait(phase, stop, SOON_S) is phase
    assert owner.join(Deadline(SOON_S))
    fake.release.set()
    assert connection.join(Deadline(SOON_S))
