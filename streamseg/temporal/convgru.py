"""The ConvGRU stage: the package's stabiliser on memory carried along with the picture."""

from __future__ import annotations

from dataclasses import dataclass

from streamseg.errors import EngineError
from streamseg.inference.engine import EngineMemory, InferenceEngine, Masks, Run
from streamseg.temporal.memory import Memory
from streamseg.temporal.optical_flow import OpticalFlow
from streamseg.temporal.reset import FrameContext, ResetLimits, ResetReason, reset_reason
from streamseg.types import F32, U8, Frame, TemporalMode


@dataclass(frozen=True, slots=True)
class Question:
    """What the stabiliser is asked about a frame, besides its logits.

    Attributes:
        guide: Luma at the memory's size `[1, 1, h', w']`.
        flow: Where each cell was `[1, 2, h', w']`.
        past: What the stream remembers.
        now: The frame's moment.
        reason: Why the past was let go, or None.
    """

    guide: F32
    flow: F32
    past: EngineMemory
    now: FrameContext
    reason: ResetReason | None


class ConvGruStage:
    """Steadies masks with the engine's stabiliser; see `TemporalStage`."""

    mode = TemporalMode.CONVGRU

    def __init__(self, engine: InferenceEngine, motion: OpticalFlow, limits: ResetLimits, maker: str) -> None:
        self._engine = engine
        self._motion = motion
        self._limits = limits
        self._maker = maker

    def step(self, run: Run, frame: Frame, luma: U8, memory: Memory | None) -> tuple[Masks, Memory]:
        """See `TemporalStage.step`."""
        asked = self.question(frame, luma, memory)
        reason = asked.reason
        run.wait()
        masks, state = run.stabilise(asked.guide, asked.flow, asked.past)
        if not self._engine.memory_is_finite(state):
            reason = reason or ResetReason.NOT_FINITE
            masks, state = self._afresh(run, asked.guide)
        return masks, Memory(state, asked.now, reason)

    def question(self, frame: Frame, luma: U8, memory: Memory | None) -> Question:
        """What follows from the frame and its stream's past alone; computed while the segmenter runs."""
        now = FrameContext.of(frame, luma, self._maker)
        reason = reset_reason(memory.moment if memory else None, now, self._limits)
        kept = memory if reason is None else None
        flow = self._motion.flow(luma, kept.moment.luma) if kept else self._motion.still()
        past = kept.state if kept else self._engine.fresh_memory()
        return Question(self._motion.guide(luma), flow, past, now, reason)

    def _afresh(self, run: Run, guide: F32) -> tuple[Masks, EngineMemory]:
        masks, state = run.stabilise(guide, self._motion.still(), self._engine.fresh_memory())
        if not self._engine.memory_is_finite(state):
            raise EngineError(
                f"{self._engine.package.manifest.name}: NaN or infinity in the memory, even without a past"
            )
        return masks, state
