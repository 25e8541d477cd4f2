"""The stretch of a clip where single frames flicker most, without the stabiliser and with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamseg.client.draw import colorize
from streamseg.training.evaluation.evaluator import Moment
from streamseg.training.evaluation.metrics import calm_pixels, dilate, warp_labels
from streamseg.training.report.gallery import WRONG, marked
from streamseg.training.report.html import shrunk
from streamseg.types import BOOL, U8, ClassInfo, TemporalMode

WITHOUT, WITH = TemporalMode.NONE.value, TemporalMode.CONVGRU.value
_WIDTH = 288  # of a frame, pixels


@dataclass(frozen=True, slots=True)
class Flicker:
    """A moment, and by mode the pixels `[H, W]` that flicker, as `metrics.TemporalConsistency` counts."""

    moment: Moment
    where: dict[str, BOOL]

    def count(self, mode: str) -> int:
        """How many."""
        return int(np.count_nonzero(self.where[mode]))


class Stretch:
    """Keeps the most unsteady stretch of a clip while it is measured; the last of equal ones.

    Args:
        length: Frames.

    Attributes:
        frames: The stretch; shorter where the clip is, empty where nothing steadies its masks.
    """

    def __init__(self, length: int = 6) -> None:
        self.frames: list[Flicker] = []
        self._recent = deque[Flicker](maxlen=length)

    def add(self, moment: Moment) -> None:
        """Look at one moment of the clip. See `Watcher`."""
        if WITH not in moment.labels:
            return
        before = self._recent[-1].moment if self._recent else None
        self._recent.append(
            Flicker(moment, {mode: _flicker(before, moment, mode) for mode in (WITHOUT, WITH)})
        )
        recent = list(self._recent)
        if total(recent, WITHOUT) >= total(self.frames, WITHOUT):
            self.frames = recent


def total(frames: Sequence[Flicker], mode: str) -> int:
    """Pixels that flicker in a mode, in all frames."""
    return sum(frame.count(mode) for frame in frames)


def rows(frames: Sequence[Flicker], classes: Sequence[ClassInfo]) -> dict[str, U8]:
    """The rows of the strip by caption, frames side by side, `[H, W, 3]` each."""
    shots = [frame.moment.shot for frame in frames]
    drawn = {"picture": [shot.image for shot in shots]}
    for mode, how in ((WITHOUT, "without the stabiliser"), (WITH, "with it")):
        drawn[f"mask {how}"] = [colorize(f.moment.labels[mode], classes) for f in frames]
    for mode, how in ((WITHOUT, "without the stabiliser"), (WITH, "with it")):
        caption = f"flicker {how}: {total(frames, mode):,} pixels"
        # grown by a pixel, or single ones are lost when the frame is shrunk
        drawn[caption] = [marked(f.moment.shot.image, dilate(f.where[mode], 1), WRONG) for f in frames]
    return {caption: _side_by_side(pictures) for caption, pictures in drawn.items()}


def _flicker(before: Moment | None, now: Moment, mode: str) -> BOOL:
    if before is None or now.motion is None:
        return np.zeros(now.shot.truth.shape, np.bool_)
    warped = warp_labels(before.labels[mode], now.motion.flow)
    flicker: BOOL = calm_pixels(now.motion, warped, now.shot.truth) & (warped != now.labels[mode])
    return flicker


def _side_by_side(pictures: Sequence[U8]) -> U8:
    small = [shrunk(picture, _WIDTH) for picture in pictures]
    gap = np.full((small[0].shape[0], 4, 3), 128, np.uint8)
    return np.hstack([part for picture in small for part in (picture, gap)][:-1])
