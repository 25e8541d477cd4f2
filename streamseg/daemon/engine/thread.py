"""The thread that runs one engine, as the main thread sees it: every change is made between two frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.mailbox import Mailbox
from streamseg.daemon.engine.executor import FrameExecutor
from streamseg.daemon.events import Events
from streamseg.daemon.stream.pipeline import Pipeline, View
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.scheduler import BatchingPolicy
from streamseg.inference.worker import EngineWorker, WorkerEvents
from streamseg.temporal.stage import TemporalStage
from streamseg.types import Frame


class EngineThread:
    """A worker, and the seat that it works with; methods return at once, but for `join`.

    Args:
        name: The engine's name in the configuration.
        events: Who hears of masks, models and failures.
        failing: Told of an engine that fails every stream, as `Events.engine_failing`.
    """

    def __init__(
        self,
        name: str,
        events: Events,
        failing: Callable[[InferenceEngine, frozenset[str], Exception], None],
    ) -> None:
        self._task = events.engine_task
        self._seat = seat = FrameExecutor(name, events, events.engine_failing.to(failing))
        told = WorkerEvents(events.frame_failed.to(seat.failed), events.stream_drained)
        self._worker = EngineWorker(
            seat.process, events.mask_made, told, f"engine-{name}", seat.process_together
        )

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._worker.alive

    def wake(self) -> None:
        """Say that a mailbox has something; any thread."""
        self._worker.wake()

    def start(self) -> None:
        """Start the thread; without an engine it waits for one."""
        self._worker.start()

    def stop(self) -> None:
        """Ask the thread to end after the frame in hand. Idempotent."""
        self._worker.stop()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the thread's end, no longer than `deadline`; whether it has come."""
        return self._worker.join(deadline)

    def set_engine(self, engine: InferenceEngine, pipelines: Mapping[str, Pipeline]) -> None:
        """Work with this engine from the next frame on; streams that have no pipeline are not served."""
        self.call(partial(self._seat.take, engine, pipelines))

    def clear_engine(self, streams: Mapping[str, object]) -> None:
        """Work with none; the frames of these streams wait."""
        for name in streams:
            self._worker.remove(name)
        self.call(self._seat.leave)

    def add_stream(self, name: str, pipeline: Pipeline, mailbox: Mailbox[Frame]) -> None:
        """Serve a stream, without a past."""
        self.call(partial(self._seat.admit, name, pipeline))
        self.take_frames(name, mailbox)

    def take_frames(self, name: str, mailbox: Mailbox[Frame]) -> None:
        """Take a stream's frames from this mailbox; its pipeline came with the engine."""
        self._worker.add(name, mailbox)

    def remove_stream(self, name: str) -> None:
        """Serve a stream no more; the frame in hand may still become a mask."""
        self._worker.remove(name)
        self.call(partial(self._seat.dismiss, name))

    def update_stream(self, name: str, stage: TemporalStage, view: View) -> None:
        """Steady a stream's masks in another way, or look at it in another."""
        self.call(partial(self._seat.change, name, stage, view))

    def set_batching(self, batching: BatchingPolicy) -> None:
        """Put frames together in this way from now on."""
        self.call(partial(self._worker.batch, batching))

    def call(self, task: Callable[[], object]) -> None:
        """Have something done between two frames, in the order of the calls; an error in it ends nothing."""
        self._worker.call(self._task.to(task))
