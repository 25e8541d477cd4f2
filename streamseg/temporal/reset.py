"""When a stream's memory is let go, and why. Pure: everything it needs is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ResetReason(StrEnum):
    """Why a frame starts without the past of its stream."""

    START = "start"  # nothing was there to keep
    RECONNECT = "reconnect"  # the source says: discontinuity (reconnect, loop of a file)
    SIZE = "size"  # the picture's size changed
    GAP = "gap"  # too long since the last frame, or time went back
    SCENE_CUT = "scene_cut"
    NOT_FINITE = "not_finite"  # NaN or infinity in the memory
    MODEL = "model"  # another engine made the memory


@dataclass(frozen=True, slots=True)
class ResetLimits:
    """What is still the same scene.

    Attributes:
        reset_after_s: Longest gap between two frames, seconds.
        scene_cut: Dissimilarity of two pictures (see `scene`) from which it is another scene; 0 … 1,
            1 = never.
    """

    reset_after_s: float = 1.0
    scene_cut: float = 0.5
