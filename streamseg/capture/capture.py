"""The capture of one stream: keeps it connected, tells its state, hands its frames on."""

from __future__ import annotations

import random as _random
import threading
import time
from collections.abc import Callable

from streamseg.capture.connection import Connection, Phase
from streamseg.capture.decoder import DecodedFrame, DecoderFactory
from streamseg.capture.pyav import open_video as open_with_pyav
from streamseg.capture.source import FFmpegInput, describe
from streamseg.capture.timestamps import CaptureTime
from streamseg.concurrency.backoff import Backoff
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.mailbox import Mailbox, Overflow
from streamseg.concurrency.worker_thread import StoppableThread
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault, StreamFault
from streamseg.types import Frame, StateChange, StreamState

LEAVE_S = 0.5
"""How long a stop waits for a read under way; a thread that blocks longer is left to FFmpeg's own limit."""

HEALTHY_S = 5.0
"""A connection that gave frames for this long has worked: the next failure starts with the shortest wait."""


class Capture:
    """Captures one source into a mailbox, until it ends for good or is stopped.

    Its thread watches a `Connection` (a thread of its own, for reads block) and opens the next when one
    fails: a live source is retried for ever, a file that cannot be read is not. At the end it closes the
    mailbox, so that the consumer drains it and then sees `Closed`.

    `on_state` is called on the capture's thread with every change of state; there is none after `stop`.

    Attributes:
        captured: Frames handed on so far, from `first_seq` on; also the next frame's `seq`.
        reconnects: Attempts after the first.
    """

    def __init__(
        self,
        stream: str,
        source: SourceConfig,
        mailbox: Mailbox[Frame],
        on_state: Callable[[StateChange], None],
        *,
        max_fps: float | None = None,
        first_seq: int = 0,
        open_video: DecoderFactory = open_with_pyav,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self.captured = first_seq
        self.reconnects = 0
        self._stream = stream
        self._source = source
        self._mailbox = mailbox
        self._on_state = on_state
        self._max_fps = max_fps
        self._open_video = open_video
        self._backoff = Backoff(source.reconnect_initial_s, source.reconnect_max_s, random=random)
        self._connection: Connection | None = None
        self._mark_owed = False
        self._stage = StoppableThread(f"capture-{stream}", self._body, on_crash=self._crashed)

    def start(self) -> None:
        """Start capturing; returns at once."""
        self._stage.start()

    def stop(self) -> None:
        """Ask for the end; returns at once. Idempotent."""
        self._stage.stop()
        if connection := self._connection:
            connection.wake()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the end, no longer than `deadline`; return whether it has come.

        A read that blocks inside FFmpeg is left after `LEAVE_S`; its thread hands nothing on any more and
        ends within `stall_after_s` (opening: twice `open_timeout_s`).
        """
        return self._stage.join(deadline)

    @property
    def held(self) -> bool:
        """Whether a thread of its is still inside FFmpeg, or the resolver, which nothing can interrupt."""
        return self._connection is not None and self._connection.alive

    def _body(self, stop: threading.Event) -> None:
        try:
            self._keep_connected(stop)
        finally:
            self._mailbox.close(discard=False)
            if self._connection is not None:
                self._connection.leave()
                self._connection.join(Deadline(LEAVE_S))

    def _keep_connected(self, stop: threading.Event) -> None:
        try:
            target = describe(self._source)
        except SourceError as unsupported:
            self._tell(StreamState.FAILED, unsupported)
            return
        while not stop.is_set():
            connection = self._connect(target)
            error = self._watch(connection, stop)
            if stop.is_set() or self._is_final(connection, target, error):
                return
            self._pause(connection, error or _disconnected(target), stop)
            self.reconnects += 1

    def _connect(self, target: FFmpegInput) -> Connection:
        self._tell(StreamState.CONNECTING)
        name = f"read-{self._stream}"
        self._connection = Connection(
            name, self._source, target, self._open_video, self._deliver, max_fps=self._max_fps
        )
        self._connection.start()
        return self._connection

    def _watch(self, connection: Connection, stop: threading.Event) -> SourceError | None:
        """Follow a connection to its end; return why it failed, None if it did not or `stop` was set."""
        known, told = Phase.OPENING, False
        while not stop.is_set():
            phase = connection.wait(known, stop, self._look_again_s(connection))
            if connection.delivered and not told:  # not by phase: a short run may be over before we look
                self._tell(StreamState.RUNNING)
                told = True
            if phase is Phase.OVER:
                return connection.error
            known = phase
            if stall := self._stall(connection):
                return stall
        return None

    def _look_again_s(self, connection: Connection) -> float | None:
        """When the watchdog must look next, seconds; None where there is nothing to look for."""
        if connection.finite:
            return None
        return max(self._source.stall_after_s - connection.silence_s, _WATCHDOG_MIN_S)

    def _stall(self, connection: Connection) -> SourceError | None:
        limit_s = self._source.stall_after_s
        if connection.finite or connection.silence_s < limit_s:
            return None
        return SourceError(SourceFault.STALLED, f"{connection.label}: no frame for {limit_s:g} s")

    def _is_final(self, connection: Connection, target: FFmpegInput, error: SourceError | None) -> bool:
        """Whether there is nothing to retry; says so."""
        if error is None and connection.finite:
            self._tell(StreamState.ENDED, SourceError(SourceFault.EOF, f"{target.label}: it came to its end"))
            return True
        if error is not None and not target.live:
            self._tell(StreamState.FAILED, error)
            return True
        return False

    def _pause(self, connection: Connection, error: SourceError, stop: threading.Event) -> None:
        """Tell what happened and wait until the next attempt is due."""
        if connection.ran_s >= HEALTHY_S:
            self._backoff.reset()
        if error.reason in _MENDED_BY_A_PERSON:
            self._backoff.exhaust()
        if error.reason is SourceFault.STALLED:
            self._tell(StreamState.STALLED, error)
            self._let_go(connection, stop)
        if error.reason is SourceFault.STALLED and connection.ran_s > 0:
            return  # it did run: open it again at once
        wait_s = self._backoff.next()
        self._tell(StreamState.BACKOFF, error, wait_s)
        stop.wait(wait_s)

    def _let_go(self, connection: Connection, stop: threading.Event) -> None:
        """Wait for a stalled connection's thread: two on one source would be in each other's way."""
        connection.leave()
        phase = Phase.RUNNING
        while phase is not Phase.OVER and not stop.is_set():
            phase = connection.wait(phase, stop, None)

    def _deliver(self, decoded: DecodedFrame, stamp: CaptureTime, first: bool) -> None:
        self._mark_owed = first or (self._mark_owed and self._may_drop_a_mark())
        frame = Frame(
            stream=self._stream,
            seq=self.captured,
            pts_s=decoded.pts_s,
            captured_mono_s=stamp.mono_s,
            captured_unix_s=stamp.unix_s,
            clock=stamp.clock,
            picture=decoded.picture(),
            decode_ms=decoded.decode_ms,
            discontinuity=self._mark_owed,
        )
        self._mailbox.put(frame)
        self.captured += 1

    def _may_drop_a_mark(self) -> bool:
        """Whether a marked frame may still be pushed out unseen; its followers then bear the mark too.

        An empty mailbox says that the last frame was taken. Marking one frame too many (the consumer took the
        last between this look and the put) costs a needless reset; one too few would blend two scenes.
        """
        return self._mailbox.overflow is Overflow.DROP_OLDEST and len(self._mailbox) > 0

    def _tell(
        self, state: StreamState, error: SourceError | None = None, retry_in_s: float | None = None
    ) -> None:
        reason, message = (error.reason.value, str(error)) if error else ("", "")
        self._on_state(StateChange(self._stream, state, time.time(), reason, message, retry_in_s))

    def _crashed(self, error: BaseException) -> None:
        message = f"the capture itself failed ({type(error).__name__}); see the log"
        crash = StreamFault.CRASH.value
        self._on_state(StateChange(self._stream, StreamState.FAILED, time.time(), crash, message))


_WATCHDOG_MIN_S = 0.05
_MENDED_BY_A_PERSON = {SourceFault.AUTH, SourceFault.NO_VIDEO, SourceFault.UNSUPPORTED}
"""Retried at the slow end; cameras also lock out who keeps trying a wrong password."""


def _disconnected(target: FFmpegInput) -> SourceError:
    return SourceError(SourceFault.EOF, f"{target.label}: the connection was closed")
