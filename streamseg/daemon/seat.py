"""What sits on the worker's thread: the engine in use, and each stream's pipeline on it.

Nothing here is locked: every method is an errand for the worker, or is called by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from streamseg.daemon.blame import Blame, Failures
from streamseg.daemon.pipeline import Pipeline, View
from streamseg.daemon.together import process_together
from streamseg.inference.engine import InferenceEngine
from streamseg.temporal.stage import TemporalStage
from streamseg.types import Frame, ModelInfo, Segmentation


@dataclass(frozen=True, slots=True)
class SeatEvents:
    """What is told of the frames, on the worker's thread; must return soon and not raise.

    Attributes:
        made: A mask was made.
        served: This stream's masks are this model's from now on.
        failed: A frame of this stream could not be processed.
        stream_broken: So many of its frames in a row failed, while those of others did not.
        engine_broken: Every stream fails; which they are, and how. Told once for each engine.
        drained: The stream's source has ended and its last frame is processed.
    """

    made: Callable[[Segmentation], None]
    served: Callable[[str, ModelInfo], None]
    failed: Callable[[str, Exception], None]
    stream_broken: Callable[[str, Exception], None]
    engine_broken: Callable[[InferenceEngine, frozenset[str], Exception], None]
    drained: Callable[[str], None]


class Seat:
    """See the module."""

    def __init__(self, events: SeatEvents, clock: Callable[[], float] = time.monotonic) -> None:
        self._events, self._clock = events, clock
        self._engine: InferenceEngine | None = None
        self._pipelines: dict[str, Pipeline] = {}
        self._failures = Failures()

    def take(self, engine: InferenceEngine, pipelines: Mapping[str, Pipeline]) -> None:
        """Work with this engine from the next frame on."""
        self._engine, self._pipelines, self._failures = engine, dict(pipelines), Failures()
        for name, pipeline in pipelines.items():
            self._events.served(name, pipeline.model)

    def leave(self) -> None:
        """Work with none."""
        self._engine, self._pipelines = None, {}

    def admit(self, name: str, pipeline: Pipeline) -> None:
        """Process a stream's frames, from now on without a past."""
        self._pipelines[name] = pipeline
        self._failures.forget(name)
        self._events.served(name, pipeline.model)

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
                self._events.served(name, pipeline.model)

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
        self._events.failed(stream, error)
        if self._engine is None or stream not in self._pipelines:
            return
        match self._failures.failed(stream, self._clock()):
            case Blame.ENGINE:
                self._events.engine_broken(self._engine, self._failures.culprits, error)
            case Blame.STREAM:
                self._events.stream_broken(stream, error)
            case Blame.NOBODY:
                pass
