"""What sits on the worker's thread: the engine in use, and each stream's pipeline on it.

Nothing here is locked: every method is an errand for the worker, or is called by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from streamseg.daemon.engine.fault_attribution import Failures, FaultSource
from streamseg.daemon.events import Events
from streamseg.daemon.stream.batch import process_together
from streamseg.daemon.stream.pipeline import Pipeline, View
from streamseg.inference.engine import InferenceEngine
from streamseg.temporal.stage import TemporalStage
from streamseg.types import Frame, Segmentation


class FrameExecutor:
    """See the module.

    Args:
        name: The engine's name in the configuration.
        events: Who hears of models and of streams that fail.
        engine_failing: Told the engine whose frames all fail, their streams, and how; once for each engine.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        events: Events,
        engine_failing: Callable[[InferenceEngine, frozenset[str], Exception], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._events, self._clock = name, events, clock
        self._engine_failing = engine_failing
        self._engine: InferenceEngine | None = None
        self._pipelines: dict[str, Pipeline] = {}
        self._failures = Failures()

    def take(self, engine: InferenceEngine, pipelines: Mapping[str, Pipeline]) -> None:
        """Work with this engine from the next frame on."""
        self._engine, self._pipelines, self._failures = engine, dict(pipelines), Failures()
        for name, pipeline in pipelines.items():
            self._events.model_served(self._name, name, pipeline.model)

    def leave(self) -> None:
        """Work with none."""
        self._engine, self._pipelines = None, {}

    def admit(self, name: str, pipeline: Pipeline) -> None:
        """Process a stream's frames, from now on without a past."""
        self._pipelines[name] = pipeline
        self._failures.forget(name)
        self._events.model_served(self._name, name, pipeline.model)

    def dismiss(self, name: str) -> None:
        """Process a stream's frames no more."""
        self._pipelines.pop(name, None)
        self._failures.forget(name)

    def change(self, name: str, stage: TemporalStage, view: View) -> None:
        """Steady a stream's masks in another way, or look at it in another."""
        if pipeline := self._pipelines.get(name):
            before = pipeline.model
            pipeline.restage(stage)
            pipeline.look(view)
            if pipeline.model != before:
                self._events.model_served(self._name, name, pipeline.model)

    def process(self, frame: Frame) -> Segmentation | None:
        """Make a frame's mask; None where its stream was just dismissed."""
        pipeline = self._pipelines.get(frame.stream)
        if pipeline is None:
            return None
        made = pipeline.process(frame)
        self._failures.worked(frame.stream, self._clock())
        return made

    def process_together(self, frames: Sequence[Frame]) -> list[Segmentation | None]:
        """The same for frames of different streams, computed at once; for all of them or for none."""
        served = [frame for frame in frames if frame.stream in self._pipelines]
        known = [(self._pipelines[frame.stream], frame) for frame in served]
        if self._engine is None or not known:
            return [None] * len(frames)
        made = {one.frame.stream: one for one in process_together(self._engine, known)}
        for stream in made:
            self._failures.worked(stream, self._clock())
        return [made.get(frame.stream) for frame in frames]

    def failed(self, stream: str, error: Exception) -> None:
        """A frame could not be processed."""
        pipeline = self._pipelines.get(stream)
        if self._engine is None or pipeline is None:
            return
        match self._failures.failed(stream, self._clock()):
            case FaultSource.ENGINE:
                self._engine_failing(self._engine, self._failures.failing_streams, error)
            case FaultSource.STREAM:
                self._events.stream_failing(stream, pipeline.run, error)
            case FaultSource.NOBODY:
                pass
