"""One connection to a source: a thread that opens it, reads it to its end, and tells its watcher how it goes.

The thread may block inside FFmpeg or the resolver. It is never interrupted, only left: after `leave()` it
hands nothing on any more, and ends by itself when FFmpeg's own time limit strikes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from enum import Enum

from streamseg.capture.decoder import DecodedFrame, DecoderFactory, VideoDecoder
from streamseg.capture.pacing import FrameRateLimiter, Pacer
from streamseg.capture.source import FFmpegInput
from streamseg.capture.timestamps import CaptureTime, file_stamp, live_stamp
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.mailbox import Closed
from streamseg.concurrency.worker_thread import StoppableThread
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault

Deliver = Callable[
    [DecodedFrame, CaptureTime, bool], None
]  # the bool: first frame after a (re)connect or a loop


class Phase(Enum):
    """How far a connection has come."""

    OPENING = "opening"
    WAITING = "waiting"  # open, no frame yet
    RUNNING = "running"
    OVER = "over"


class Connection:
    """Reads one source once (or in a loop), in its own thread.

    Attributes:
        error: Why it is over; None for a source that came to its end, or was left.
        finite: The opened source has an end of its own.
    """

    def __init__(
        self,
        name: str,
        source: SourceConfig,
        target: FFmpegInput,
        open_video: DecoderFactory,
        deliver: Deliver,
        *,
        max_fps: float | None = None,
    ) -> None:
        self.error: SourceError | None = None
        self.finite = not target.live
        self._source = source
        self._target = target
        self._open_video = open_video
        self._deliver = deliver
        self._thinner = FrameRateLimiter(max_fps)
        self._pace: Pacer | None = None
        self._phase = Phase.OPENING
        self._asked_mono_s: float | None = None  # since when the source owes us a frame
        self._first_mono_s = self._last_mono_s = 0.0
        self._changed = threading.Condition()
        self._stage = StoppableThread(name, self._body, on_crash=self._crashed)

    def start(self) -> None:
        """Start the thread."""
        self._stage.start()

    def leave(self) -> None:
        """Hand nothing on any more and end as soon as the source lets go. Returns at once; idempotent."""
        self._stage.stop()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the thread, no longer than `deadline`; return whether it has ended."""
        return self._stage.join(deadline)

    def wait(self, known: Phase, stop: threading.Event, timeout_s: float | None) -> Phase:
        """Wait for another phase than `known`, for `stop` and `wake`, or for `timeout_s` seconds.

        Returns:
            The phase now.
        """
        with self._changed:
            self._changed.wait_for(lambda: stop.is_set() or self._phase is not known, timeout_s)
            return self._phase

    def wake(self) -> None:
        """Make `wait` look again."""
        with self._changed:
            self._changed.notify_all()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._stage.alive

    @property
    def label(self) -> str:
        """The source's URL, for people."""
        return self._target.label

    @property
    def delivered(self) -> bool:
        """Whether it has given a frame."""
        return self._last_mono_s > 0.0

    @property
    def ran_s(self) -> float:
        """For how long it has given frames, seconds; 0 if it gave none."""
        return self._last_mono_s - self._first_mono_s

    @property
    def silence_s(self) -> float:
        """How long the open source has owed a frame, seconds; our own waits do not count."""
        asked_mono_s = self._asked_mono_s
        return 0.0 if asked_mono_s is None else time.monotonic() - asked_mono_s

    def _body(self, stop: threading.Event) -> None:
        try:
            self._play(stop)
            while self._source.loop and self.finite and not stop.is_set():
                self._play(stop)
        except SourceError as error:
            # Its traceback holds this very frame, and so the decoder with its pictures, in a ring that only
            # the collector's rarest round would break.
            error.__cause__ = error.__context__ = None
            self.error = error.with_traceback(None)
        except Closed:
            pass  # nobody takes frames any more: the capture is being stopped
        self._enter(Phase.OVER)

    def _crashed(self, _: BaseException) -> None:
        self.error = SourceError(SourceFault.DECODE, f"{self._target.label}: an error of ours; see the log")
        self._enter(Phase.OVER)

    def _play(self, stop: threading.Event) -> None:
        video = self._open_video(self._source, self._target)
        try:
            self.finite = video.finite
            self._enter(Phase.WAITING)
            if not self._hand_on(video, stop) and not stop.is_set():
                text = f"{self._target.label}: it ended before its first picture"
                raise SourceError(SourceFault.DECODE if video.finite else SourceFault.EOF, text)
        finally:
            self._asked_mono_s = None
            video.close()

    def _hand_on(self, video: VideoDecoder, stop: threading.Event) -> bool:
        """Deliver the video's frames until it ends or `stop`; return whether there were any."""
        delivered = False
        for decoded in self._asked(video):
            stamp = self._stamp(decoded, video)
            if self._thinner.keep(decoded.arrived_mono_s if decoded.pts_s is None else decoded.pts_s):
                if stop.wait(max(0.0, stamp.mono_s - time.monotonic())):
                    break
                self._deliver(decoded, stamp, not delivered)
                delivered = True
                self._count()
            if stop.is_set():
                break
        return delivered

    def _asked(self, video: VideoDecoder) -> Iterator[DecodedFrame]:
        """The video's frames, noting while it owes us one."""
        frames = video.frames()
        while True:
            self._asked_mono_s = time.monotonic()
            decoded = next(frames, None)
            self._asked_mono_s = None
            if decoded is None:
                return
            yield decoded

    def _stamp(self, decoded: DecodedFrame, video: VideoDecoder) -> CaptureTime:
        if not video.finite:
            return live_stamp(decoded)
        if not self._source.pace:
            return file_stamp(decoded, decoded.arrived_mono_s)
        if self._pace is None:  # kept across loops, which go on in step
            self._pace = Pacer(video.frame_s)
        return file_stamp(decoded, self._pace.due(decoded.pts_s, time.monotonic()))

    def _count(self) -> None:
        self._last_mono_s = time.monotonic()
        if self._phase is not Phase.RUNNING:
            self._first_mono_s = self._last_mono_s
            self._enter(Phase.RUNNING)

    def _enter(self, phase: Phase) -> None:
        if self._phase is phase or (phase is Phase.WAITING and self._phase is Phase.RUNNING):
            return  # a loop reopens its file; to the watcher it runs on
        with self._changed:
            self._phase = phase
            self._changed.notify_all()
