"""The ConvGRU stage: the package's stabiliser on memory carried along with the picture."""

from __future__ import annotations

from streamseg.errors import EngineError
from streamseg.inference.engine import EngineMemory, InferenceEngine, Masks, Run
from streamseg.temporal.memory import Memory
from streamseg.temporal.motion import Motion
from streamseg.temporal.reset import Moment, ResetLimits, ResetReason, reset_reason
from streamseg.types import F32, U8, Frame, TemporalMode


class ConvGruStage:
    """Steadies masks with the engine's stabiliser; see `TemporalStage`."""

    mode = TemporalMode.CONVGRU

    def __init__(self, engine: InferenceEngine, motion: Motion, limits: ResetLimits, maker: str) -> None:
        self._engine = engine
        self._motion = motion
        self._limits = limits
        self._maker = maker

    def step(self, run: Run, frame: Frame, luma: U8, memory: Memory | None) -> tuple[Masks, Memory]:
        """See `TemporalStage.step`."""
        now = Moment.of(frame, luma, self._maker)
        reason = reset_reason(memory.moment if memory else None, now, self._limits)
        kept = memory if reason is None else None
        guide = self._motion.guide(luma)
        flow = self._motion.flow(luma, kept.moment.luma) if kept else self._motion.still()
        run.wait()
        masks, state = run.stabilise(guide, flow, kept.state if kept else self._engine.fresh_memory())
        if not self._engine.memory_is_finite(state):
            reason = reason or ResetReason.NOT_FINITE
            masks, state = self._afresh(run, guide)
        return masks, Memory(state, now, reason)

    def _afresh(self, run: Run, guide: F32) -> tuple[Masks, EngineMemory]:
        masks, state = run.stabilise(guide, self._motion.still(), self._engine.fresh_memory())
        if not self._engine.memory_is_finite(state):
            raise EngineError(
                f"{self._engine.package.manifest.name}: NaN or infinity in the memory, even without a past"
            )
        return masks, state
