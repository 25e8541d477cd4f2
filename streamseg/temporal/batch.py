"""One step of several streams at once: their frames are a batch of the segmenter, and of the stabiliser.

    run = engine.start(pictures)                       # [N, H, W, 3], one of each stream
    for masks, memory in step_batch(engine, run, parts): ...

Each stream gets what it would get alone: its memory is a row of the batch's. All or nothing: where one frame
fails, or its memory is not finite, the batch does; no memory has changed, and each can be stepped by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from streamseg.errors import EngineError
from streamseg.inference.engine import EngineMemory, InferenceEngine, Masks, Run
from streamseg.temporal.convgru import ConvGruStage
from streamseg.temporal.memory import Memory
from streamseg.temporal.stage import TemporalStage
from streamseg.types import F32, U8, Frame


@dataclass(frozen=True, slots=True)
class Part:
    """A stream's part in a step; see `TemporalStage.step` for what each is."""

    stage: TemporalStage
    frame: Frame
    luma: U8
    memory: Memory | None


def step_batch(engine: InferenceEngine, run: Run, parts: Sequence[Part]) -> list[tuple[Masks, Memory]]:
    """Masks and memory of each part, in order. The parts' stages are all ConvGRUs, or none is.

    Args:
        engine: The engine of the run and of all stages.
        run: The parts' frames, just started, in order.
        parts: One of each stream.

    Raises:
        EngineError: The backend failed, or one of the frames gives NaN or infinity.
    """
    recurrent = [part.stage for part in parts if isinstance(part.stage, ConvGruStage)]
    if recurrent:
        return _stabilised(engine, run, parts, recurrent)
    batch = _Batch(run)
    return [
        part.stage.step(Row(batch, index), part.frame, part.luma, part.memory)
        for index, part in enumerate(parts)
    ]


def _stabilised(
    engine: InferenceEngine, run: Run, parts: Sequence[Part], stages: Sequence[ConvGruStage]
) -> list[tuple[Masks, Memory]]:
    asked = [
        stage.question(part.frame, part.luma, part.memory) for stage, part in zip(stages, parts, strict=True)
    ]
    guide, flow = (np.concatenate(planes) for planes in zip(*((q.guide, q.flow) for q in asked), strict=True))
    run.wait()
    masks, after = run.stabilise(guide, flow, engine.join_memories([question.past for question in asked]))
    states = engine.split_memory(after)
    if not all(map(engine.memory_is_finite, states)):
        raise EngineError(f"{engine.package.manifest.name}: NaN or infinity in a memory of a batch")
    return [
        (_row(masks, index), Memory(state, question.now, question.reason))
        for index, (state, question) in enumerate(zip(states, asked, strict=True))
    ]


class _Batch:
    """A run whose parts share what is computed for all of them."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @cached_property
    def masks(self) -> Masks:
        return self.run.readout()


class Row:
    """One picture of a batch, as a run of its own; see `Run`."""

    def __init__(self, batch: _Batch, index: int) -> None:
        self._batch, self._index = batch, index

    @property
    def infer_ms(self) -> float:
        """Of the batch."""
        return self._batch.run.infer_ms

    def wait(self) -> None:
        """See `Run.wait`."""
        self._batch.run.wait()

    def logits(self) -> F32:
        """See `Run.logits`."""
        return self._batch.run.logits()[self._index : self._index + 1]

    def readout(self) -> Masks:
        """See `Run.readout`."""
        return _row(self._batch.masks, self._index)

    def stabilise(self, guide: F32, flow: F32, memory: EngineMemory) -> tuple[Masks, EngineMemory]:  # noqa: ARG002
        """Rows of a batch are stabilised together or not at all."""
        raise EngineError("a row of a batch cannot be stabilised by itself")


def _row(masks: Masks, index: int) -> Masks:
    one = np.s_[index : index + 1]
    return Masks(masks.labels[one], None if masks.confidence is None else masks.confidence[one])
