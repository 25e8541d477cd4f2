"""The one thread that owns the engine: takes frames from the streams' mailboxes in fair turn.

One frame of a stream, then one of the next: a fast camera never starves a slow one. Frames of several streams
may be computed together (`batching`). What happens to a frame is the caller's business (`process`, `emit`); a
crash in it is reported and costs that frame, no more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.mailbox import Closed, Mailbox
from streamseg.concurrency.rate_limit import RateLimiter
from streamseg.concurrency.worker_thread import StoppableThread
from streamseg.errors import StreamsegError
from streamseg.inference.scheduler import BatchingPolicy, FairScheduler
from streamseg.types import Frame, Segmentation

_LOG = logging.getLogger(__name__)
_TELL_S = 1.0  # between two lines about frames of one stream that failed


@dataclass(frozen=True, slots=True)
class WorkerEvents:
    """What the worker tells its owner; called on the worker's thread, must return soon and not raise.

    Attributes:
        failed: `process` or `emit` raised on a frame of this stream; the stream stays in turn.
        drained: The stream's mailbox is closed and every frame of it was processed; the stream is out.
    """

    failed: Callable[[str, Exception], None] = lambda _stream, _error: None
    drained: Callable[[str], None] = lambda _stream: None


@dataclass(frozen=True, slots=True)
class _Taken:
    """A frame, and where it comes from."""

    stream: str
    mailbox: Mailbox[Frame]
    frame: Frame


def _same(segmentation: Segmentation | None) -> Segmentation | None:
    return segmentation


class EngineWorker:
    """Runs `process` on the frames of all streams, one at a time or some together, on one thread.

    Args:
        process: Makes the segmentation of a frame; None where there is nothing to publish.
        emit: Takes each segmentation; never blocks.
        events: What the owner wants to hear of.
        name: Of its thread.
        together: Does what `process` does for frames of different streams at once, for all of them or (when
            it raises) for none: then each is processed by itself. Without it there are no batches.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        process: Callable[[Frame], Segmentation | None],
        emit: Callable[[Segmentation], None],
        events: WorkerEvents | None = None,
        name: str = "engine",
        together: Callable[[Sequence[Frame]], Sequence[Segmentation | None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._process, self._together, self._clock = process, together, clock
        self._turns = FairScheduler()
        self._emit = emit
        self._events = events or WorkerEvents()
        self._wake = threading.Event()
        self._lock = threading.Lock()  # guards _mailboxes alone; never held while a frame is processed
        self._mailboxes: dict[str, Mailbox[Frame]] = {}
        self._errands: deque[Callable[[], None]] = deque()  # appended by any thread, taken by its own
        self._complaints: defaultdict[str, RateLimiter] = defaultdict(lambda: RateLimiter(_TELL_S))
        self._batch_complaints = RateLimiter(_TELL_S)
        self._stage = StoppableThread(name, self._body)

    def start(self) -> None:
        """Starts the thread. Streams may be added before or after."""
        self._stage.start()

    def add(self, stream: str, mailbox: Mailbox[Frame]) -> None:
        """Takes a stream into the turn; give the mailbox `on_put=worker.wake`. Replaces one of that name."""
        with self._lock:
            self._mailboxes[stream] = mailbox
        self.wake()

    def remove(self, stream: str) -> None:
        """Takes a stream out, from any thread, also while one of its frames is being processed.

        That frame's segmentation is not emitted unless its emission had already begun. An unknown name is
        fine: the stream may just have drained.
        """
        with self._lock:
            self._mailboxes.pop(stream, None)

    def call(self, errand: Callable[[], None]) -> None:
        """Has something done on the worker's thread, between two frames; never waits.

        Errands are done in order, and before any frame that is put after the call. They must not raise.
        """
        self._errands.append(errand)
        self.wake()

    def batch(self, batching: BatchingPolicy) -> None:
        """Puts frames together in this way from now on; for an errand."""
        if self._together is not None:
            self._turns.batching = batching

    def wake(self) -> None:
        """Says that a mailbox has something (or was closed); never waits, any thread."""
        self._wake.set()

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams in turn."""
        with self._lock:
            return tuple(self._mailboxes)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._stage.alive

    @property
    def error(self) -> BaseException | None:
        """What ended the thread, where it did not end by `stop`."""
        return self._stage.error

    def stop(self) -> None:
        """Asks the thread to end after the frame in hand and the errands so far; idempotent, never waits."""
        self._stage.stop()
        self.wake()

    def join(self, deadline: Deadline) -> bool:
        """Waits for the thread's end; False where the deadline passed first."""
        return self._stage.join(deadline)

    def _body(self, stop: threading.Event) -> None:
        while not stop.is_set():
            # clear before looking: a put between look and wait leaves the event set, so none is missed
            self._wake.clear()
            self._run_errands()
            turn = self._turns.next(self._waiting(), self.streams, self._clock())
            if turn.streams:
                self._serve(turn.streams)
            else:
                self._wake.wait(turn.pause_s)
        self._run_errands()  # of what was called before the stop, somebody may wait to hear

    def _waiting(self) -> list[str]:
        """The streams that have a frame; those that will have none any more are told and taken out."""
        with self._lock:
            mailboxes = tuple(self._mailboxes.items())
        waiting = []
        for stream, mailbox in mailboxes:
            over = mailbox.closed  # asked first: once it is closed, nothing is put any more
            if len(mailbox):
                waiting.append(stream)
            elif over:
                self._drained(stream, mailbox)
        return waiting

    def _serve(self, streams: Sequence[str]) -> None:
        taken = [found for stream in streams if (found := self._take(stream)) is not None]
        self._run_errands()  # after the look into the mailboxes: what was called before the puts comes first
        if len(taken) > 1:
            self._handle_together(taken)
        else:
            for found in taken:
                self._handle_alone(found)

    def _take(self, stream: str) -> _Taken | None:
        with self._lock:
            mailbox = self._mailboxes.get(stream)
        try:
            frame = None if mailbox is None else mailbox.poll()
        except Closed:  # and discarded since the look
            return None
        return None if mailbox is None or frame is None else _Taken(stream, mailbox, frame)

    def _run_errands(self) -> None:
        while self._errands:
            self._errands.popleft()()

    def _handle(self, taken: _Taken, make: Callable[[], Segmentation | None]) -> bool:
        """Hands on what is made of a frame; False where that failed."""
        try:
            segmentation = make()
            if segmentation is not None and self._has(taken.stream, taken.mailbox):
                self._emit(segmentation)
        except Exception as error:  # noqa: BLE001 - top of the thread: one stream must not take the others down
            self._complain(taken.frame, error)
            self._events.failed(taken.stream, error)
            return False
        return True

    def _handle_alone(self, taken: _Taken) -> bool:
        return self._handle(taken, lambda: self._process(taken.frame))

    def _handle_together(self, batch: Sequence[_Taken]) -> None:
        assert self._together is not None  # noqa: S101 - there are no batches without it
        try:
            made = self._together([taken.frame for taken in batch])
        except Exception as error:  # noqa: BLE001 - one stream's frame must not cost the others theirs
            alone = [self._handle_alone(taken) for taken in batch]  # each, whatever becomes of the others
            if all(alone):
                self._complain_of_batches(len(batch), error)
            return
        for taken, segmentation in zip(batch, made, strict=True):
            self._handle(taken, partial(_same, segmentation))

    def _complain_of_batches(self, size: int, error: Exception) -> None:
        """No frame is to blame, so this will go on, and costs every frame twice."""
        if self._batch_complaints.pass_on() is not None:
            _LOG.warning("%d frames fail together and not alone (%s); set max_batch: 1", size, error)

    def _complain(self, frame: Frame, error: Exception) -> None:
        """A line a second at most; a traceback for bugs alone."""
        held = self._complaints[frame.stream].pass_on()
        if held is None:
            return
        bug = not isinstance(error, StreamsegError)
        more = f" (and {held} frames before it)" if held else ""
        text = f"unexpected failure{more}" if bug else f"{error}{more}"
        said = {"stream": frame.stream}
        _LOG.error("frame %d: %s", frame.seq, text, exc_info=error if bug else None, extra=said)

    def _has(self, stream: str, mailbox: Mailbox[Frame]) -> bool:
        with self._lock:
            return self._mailboxes.get(stream) is mailbox

    def _drained(self, stream: str, mailbox: Mailbox[Frame]) -> None:
        with self._lock:
            if self._mailboxes.get(stream) is not mailbox:
                return
            del self._mailboxes[stream]
        self._events.drained(stream)
