"""Everything one part of the daemon tells another, in one place: named events, and who hears of each.

A callback runs on the thread that tells. That thread must outlive it, whatever the callback does: an
exception in one is logged with its traceback, counted (`streamseg_callback_errors_total`), and goes no
further.

    events = Events()
    events.mask_made.connect(publish)          # called for every mask, on the engine's thread
    events.mask_made(segmentation)             # never raises
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, ParamSpec, TypeVar

from streamseg.concurrency.rate_limit import RateLimiter
from streamseg.config.schema import StreamConfig
from streamseg.errors import EngineError, StreamsegError
from streamseg.inference.engine import InferenceEngine
from streamseg.types import ModelInfo, Segmentation, StateChange

P = ParamSpec("P")
T = TypeVar("T")

LOG_INTERVAL_S = 10.0  # between two tracebacks of one event
_LOG = logging.getLogger(__name__)


class CallbackErrors:
    """Logs and counts what callbacks raise; any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._counts: dict[str, int] = {}
        self._limits: dict[str, RateLimiter] = {}

    def register(self, event: str) -> None:
        """Count an event from zero, so that it is exported before its first error."""
        with self._lock:
            self._counts.setdefault(event, 0)

    def record(self, event: str, error: Exception) -> None:
        """Count an error of an event's callback; log it with its traceback, unless one was logged lately."""
        with self._lock:
            self._counts[event] = self._counts.get(event, 0) + 1
            held = self._limits.setdefault(event, RateLimiter(LOG_INTERVAL_S, self._clock)).pass_on()
        if held is not None:
            _LOG.error("callback of %s failed (%d more since the last line)", event, held, exc_info=error)

    def explain(self, task: str, error: Exception) -> StreamsegError:
        """The error for people; one of ours is recorded, as of `task`, and named."""
        if isinstance(error, StreamsegError):
            return error
        self.record(task, error)
        return EngineError(f"unexpected failure ({type(error).__name__}); see the log")

    def counts(self) -> Mapping[str, int]:
        """Errors so far, by event."""
        with self._lock:
            return dict(self._counts)


class Event(Generic[P]):
    """One kind of event; calling it calls every callback, and never raises.

    Attributes:
        name: The event's name in logs and metrics.
    """

    def __init__(self, name: str, errors: CallbackErrors) -> None:
        self.name = name
        self._errors = errors
        self._callbacks: tuple[Callable[P, object], ...] = ()  # replaced, never changed: read without a lock
        errors.register(name)

    def connect(self, callback: Callable[P, object]) -> None:
        """Call `callback` from now on, after those connected before it; it must return soon."""
        self._callbacks = (*self._callbacks, callback)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Tell everybody; what one raises does not keep it from the others."""
        for callback in self._callbacks:
            self._call(callback, *args, **kwargs)

    def to(self, receiver: Callable[P, object]) -> Callable[P, None]:
        """A callable that tells `receiver`, then whoever is connected; for receivers that come and go."""

        def tell(*args: P.args, **kwargs: P.kwargs) -> None:
            self._call(receiver, *args, **kwargs)
            self(*args, **kwargs)

        return tell

    def _call(self, callback: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the thread that tells has other work
            self._errors.record(self.name, error)


class Events:
    """All events of one daemon.

    Attributes:
        errors: What their callbacks raised.

    On a capture's thread:
        frame_queued: A frame waits in a stream's mailbox.
        capture_state: A capture entered a state; not yet the stream's.
        capture_crashed: A capture died of an error of ours: stream, run, message.
    On whichever thread changes it:
        stream_state: A stream entered a state.
    On the engine's thread:
        mask_made: A mask was made.
        model_served: From now on a stream's masks are this model's: engine, stream, model.
        frame_failed: A frame of this stream could not be processed.
        stream_failing: Too many frames of this stream's run failed while those of others did not.
        engine_failing: The frames of these streams fail, and it is the engine's fault.
        stream_drained: A stream's source has ended and its last frame is processed.
        engine_task: Something was done between two frames.
    On the thread that loads it:
        engine_loaded: An engine is warm.
        engine_load_failed: There is none, and why.
    On the publishing thread:
        mask_sent: A mask was sent: stream, milliseconds of encoding, masks that gave way so far.
    On the main thread:
        stream_added, stream_updated: A stream begins, or goes on with another configuration.
        stream_removed: A stream is gone, and nothing more comes of it.
        stream_given_up: No engine can process this stream's frames: stream, message.
        engine_state: An engine entered a state: its name.
        engine_replaced: Another engine took over from one that served, or (with the error) could not.
    On the thread that hears signals:
        stop_requested, reload_requested, stacks_requested: SIGTERM or SIGINT, SIGHUP, SIGUSR1.
    """

    def __init__(self, errors: CallbackErrors | None = None) -> None:
        self.errors = errors = errors or CallbackErrors()
        self.frame_queued = Event[[]]("frame_queued", errors)
        self.capture_state = Event[[StateChange]]("capture_state", errors)
        self.capture_crashed = Event[[str, int, str]]("capture_crashed", errors)
        self.stream_state = Event[[StateChange]]("stream_state", errors)
        self.mask_made = Event[[Segmentation]]("mask_made", errors)
        self.model_served = Event[[str, str, ModelInfo]]("model_served", errors)
        self.frame_failed = Event[[str, Exception]]("frame_failed", errors)
        self.stream_failing = Event[[str, int, Exception]]("stream_failing", errors)
        self.engine_failing = Event[[InferenceEngine, frozenset[str], Exception]]("engine_failing", errors)
        self.stream_drained = Event[[str]]("stream_drained", errors)
        self.engine_task = Event[[]]("engine_task", errors)
        self.engine_loaded = Event[[InferenceEngine]]("engine_loaded", errors)
        self.engine_load_failed = Event[[StreamsegError]]("engine_load_failed", errors)
        self.mask_sent = Event[[str, float, int]]("mask_sent", errors)
        self.stream_added = Event[[str, StreamConfig]]("stream_added", errors)
        self.stream_updated = Event[[str, StreamConfig]]("stream_updated", errors)
        self.stream_removed = Event[[str]]("stream_removed", errors)
        self.stream_given_up = Event[[str, str]]("stream_given_up", errors)
        self.engine_state = Event[[str]]("engine_state", errors)
        self.engine_replaced = Event[[str, StreamsegError | None]]("engine_replaced", errors)
        self.stop_requested = Event[[]]("stop_requested", errors)
        self.reload_requested = Event[[]]("reload_requested", errors)
        self.stacks_requested = Event[[]]("stacks_requested", errors)

    def all(self) -> tuple[Event[...], ...]:
        """Every event there is."""
        return tuple(event for event in vars(self).values() if isinstance(event, Event))

    def query(self, name: str, ask: Callable[[], T], default: Callable[[], T]) -> Callable[[], T]:
        """`ask` for other threads to call; where it raises, that is recorded and `default` answers."""
        self.errors.register(name)

        def answer() -> T:
            try:
                return ask()
            except Exception as error:  # noqa: BLE001 - as in `Event`
                self.errors.record(name, error)
                return default()

        return answer
