"""The exponential average: probabilities blended with those of the past, carried along with the picture."""

from __future__ import annotations

import numpy as np

from streamseg.inference.engine import InferenceEngine, Masks, Run
from streamseg.inference.readout import softmax
from streamseg.temporal.memory import Memory
from streamseg.temporal.optical_flow import MotionMode, OpticalFlow, carry, in_cells
from streamseg.temporal.reset import FrameContext, ResetLimits, reset_reason
from streamseg.types import F32, U8, Frame, TemporalMode

_SMALLEST = np.float32(1e-7)  # probability whose logarithm is still an ordinary logit


class EmaStage:
    """Averages the softmax at the network's stride; see `TemporalStage`.

    Args:
        engine: The engine.
        motion: Carries the past along where its mode says so.
        limits: When the past is let go.
        maker: Identifies stage and engine.
        keep: Share of the past in the average, 0 … 1 (exclusive).
    """

    mode = TemporalMode.EMA

    def __init__(
        self, engine: InferenceEngine, motion: OpticalFlow, limits: ResetLimits, maker: str, keep: float
    ) -> None:
        self._engine = engine
        self._motion = motion
        self._limits = limits
        self._maker = maker
        self._keep = np.float32(keep)

    def step(self, run: Run, frame: Frame, luma: U8, memory: Memory | None) -> tuple[Masks, Memory]:
        """See `TemporalStage.step`."""
        now = FrameContext.of(frame, luma, self._maker)
        reason = reset_reason(memory.moment if memory else None, now, self._limits)
        past = self._carried(memory, luma) if memory and reason is None else None
        state = softmax(run.logits())
        if past is not None:
            state += self._keep * (past - state)
        return self._engine.read_out(np.log(np.maximum(state, _SMALLEST))), Memory(state, now, reason)

    def _carried(self, memory: Memory, luma: U8) -> F32:
        past: F32 = memory.state
        if self._motion.mode is MotionMode.NONE:
            return past
        height, width = past.shape[2:]
        return carry(past, in_cells(self._motion.search(luma, memory.moment.luma), (width, height)))
