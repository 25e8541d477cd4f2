"""When a stream's memory is let go, and why. Pure: everything it needs is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from streamseg.temporal.scene_cut import dissimilarity
from streamseg.types import U8, Frame

NEVER = 1.0  # a limit no dissimilarity exceeds


class ResetReason(StrEnum):
    """Why a frame starts without the past of its stream."""

    START = "start"  # there was no past
    RECONNECT = "reconnect"  # the source says: discontinuity (reconnect, loop of a file)
    SIZE = "size"  # the picture's size changed
    GAP = "gap"  # too long since the last frame, or time went back
    SCENE_CUT = "scene_cut"
    NOT_FINITE = "not_finite"  # NaN or infinity in the memory
    MODEL = "model"  # another engine or stage made the memory


@dataclass(frozen=True, slots=True)
class ResetLimits:
    """What is still the same scene.

    Attributes:
        reset_after_s: Longest gap between two frames, seconds.
        scene_cut: Dissimilarity (`scene.dissimilarity`, 0 … 1) above which it is another scene; 1: never.
    """

    reset_after_s: float = 1.0
    scene_cut: float = 0.65


@dataclass(frozen=True, slots=True)
class FrameContext:
    """What a frame is judged by when it is compared with the one before.

    Attributes:
        maker: Identifies the stage and the engine that work on it.
        luma: Its luma `[h, w]` uint8.
        size_wh: Size of its picture, pixels.
        pts_s: Its presentation time, seconds; None where the source gives none.
        captured_mono_s: Its capture, monotonic seconds.
        discontinuity: The source says that nothing may be carried over to it.
    """

    maker: str
    luma: U8
    size_wh: tuple[int, int]
    pts_s: float | None
    captured_mono_s: float
    discontinuity: bool

    @classmethod
    def of(cls, frame: Frame, luma: U8, maker: str) -> FrameContext:
        """The moment of a frame."""
        return cls(
            maker,
            luma,
            frame.picture.size_wh,
            frame.pts_s,
            frame.captured_mono_s,
            discontinuity=frame.discontinuity,
        )


def reset_reason(before: FrameContext | None, now: FrameContext, limits: ResetLimits) -> ResetReason | None:
    """Why the past must be let go at `now`; None where it may be kept. The surest reason is named.

    NaN in the memory is not judged here: only the engine can look into it.
    """
    if before is None:
        return ResetReason.START
    if now.maker != before.maker:
        return ResetReason.MODEL
    if now.discontinuity:
        return ResetReason.RECONNECT
    if now.size_wh != before.size_wh or now.luma.shape != before.luma.shape:
        return ResetReason.SIZE
    if abs(_elapsed_s(before, now)) > limits.reset_after_s:
        return ResetReason.GAP
    return ResetReason.SCENE_CUT if _cut(before, now, limits) else None


def _cut(before: FrameContext, now: FrameContext, limits: ResetLimits) -> bool:
    return limits.scene_cut < NEVER and dissimilarity(before.luma, now.luma) > limits.scene_cut


def _elapsed_s(before: FrameContext, now: FrameContext) -> float:
    # the source's clock tells what the camera missed; ours also runs while a burst waits in the network
    if before.pts_s is not None and now.pts_s is not None:
        return now.pts_s - before.pts_s
    return now.captured_mono_s - before.captured_mono_s
