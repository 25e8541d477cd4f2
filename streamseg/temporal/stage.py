"""What every temporal stage is: masks of a run and the stream's memory in, steadier masks and memory out.

masks, memory = stage.step(engine.start(rgb), frame, luma, memory)   # memory: None for a new stream
memory.reset                                                         # why the past was let go, or None
"""

from __future__ import annotations

from typing import Protocol

from streamseg.inference.engine import Masks, Run
from streamseg.temporal.memory import Memory
from streamseg.types import U8, Frame, TemporalMode


class TemporalStage(Protocol):
    """Steadies the masks of any number of streams; keeps nothing of them itself."""

    @property
    def mode(self) -> TemporalMode:
        """What it does."""

    def step(self, run: Run, frame: Frame, luma: U8, memory: Memory | None) -> tuple[Masks, Memory]:
        """Masks of a frame, given the past of its stream.

        Computes the motion first, while the segmenter still runs, then waits for it.

        Args:
            run: The frame on its way through the segmenter, just started (batch of 1).
            frame: Identity and times of the frame; its picture is only asked for its size.
            luma: Luma of the frame `[h, w]` uint8, the same size for all frames.
            memory: What the stream's last step returned; None for none. Left untouched.

        Returns:
            The masks and the memory for the stream's next frame; `memory.reset` says whether the past was
            let go.

        Raises:
            EngineError: The backend failed, or this frame gives NaN even without a past. The caller lets
                the stream's memory go (passes None next time).
        """
