"""What is kept of one stream between two of its frames. Passed in and returned, never hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streamseg.temporal.reset import ResetReason
from streamseg.types import U8


@dataclass(frozen=True, slots=True)
class Memory:
    """What a stage keeps of one stream.

    Attributes:
        state: The stage's own: the engine's memory, averaged probabilities `[1, C, h, w]`, or None.
        model: Identifies the engine that made the state.
        luma: Luma of the last frame `[H/2, W/2]` uint8: motion and scene cuts are judged against it.
        size_wh: Size of the last frame's picture, pixels.
        pts_s: Its presentation time, seconds; None where the source gives none.
        captured_mono_s: Its capture, monotonic seconds.
        reset: Why the past was let go at this frame; None where it was kept.
    """

    state: Any
    model: str
    luma: U8
    size_wh: tuple[int, int]
    pts_s: float | None
    captured_mono_s: float
    reset: ResetReason | None
