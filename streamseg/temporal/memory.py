"""What is kept of one stream between two of its frames. Passed in and returned, never hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streamseg.temporal.reset import FrameContext, ResetReason


@dataclass(frozen=True, slots=True)
class Memory:
    """What a stage keeps of one stream.

    Attributes:
        state: The stage's own: the engine's memory, averaged probabilities `[1, C, h, w]`, or None.
        moment: The frame it was last stepped with: motion and resets are judged against it.
        reset: Why the past was let go at that frame; None where it was kept.
    """

    state: Any
    moment: FrameContext
    reset: ResetReason | None
