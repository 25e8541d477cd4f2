"""No steadying: every frame for itself."""

from __future__ import annotations

from streamseg.inference.engine import Masks, Run
from streamseg.temporal.memory import Memory
from streamseg.temporal.reset import FrameContext
from streamseg.types import U8, Frame, TemporalMode


class PassthroughStage:
    """Reads the masks straight out of the logits; there is no past to let go, so `reset` is never set."""

    mode = TemporalMode.NONE

    def __init__(self, maker: str) -> None:
        self._maker = maker

    def step(self, run: Run, frame: Frame, luma: U8, memory: Memory | None) -> tuple[Masks, Memory]:  # noqa: ARG002
        """See `TemporalStage.step`."""
        return run.readout(), Memory(None, FrameContext.of(frame, luma, self._maker), None)
