"""The pictures a report shows: the worst and the best of those measured, and all of them in one matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from streamseg.client.draw import colorize
from streamseg.training.evaluation import metrics
from streamseg.training.evaluation.evaluator import Moment
from streamseg.types import BOOL, U8, ClassInfo, TemporalMode

WRONG = (255, 70, 50)  # colour of pixels that are marked


@dataclass(frozen=True, slots=True)
class Example:
    """One measured picture: RGB `[H, W, 3]`, truth and prediction `[H, W]`, and its own mIoU."""

    name: str
    image: U8
    truth: U8
    prediction: U8
    miou: float


class Gallery:
    """Looks at single frames while they are measured.

    Args:
        names: Of the pictures, by their index.
        classes: How many.
        count: Of the worst and of the best pictures to keep, each.

    Attributes:
        confusion: Of all pictures.
    """

    def __init__(self, names: Sequence[str], classes: int, count: int = 6) -> None:
        self.names, self.count = names, count
        self.confusion = metrics.Confusion(classes)
        self._low, self._high = list[Example](), list[Example]()

    def add(self, moment: Moment) -> None:
        """Look at one picture; one without labels is counted nowhere. See `Watcher`."""
        shot, prediction = moment.shot, moment.labels[TemporalMode.NONE.value]
        single = metrics.Confusion(len(self.confusion.counts))
        single.add(shot.truth, prediction)
        self.confusion.counts += single.counts
        if not math.isnan(single.mean_iou):
            seen = Example(self.names[shot.index], shot.image, shot.truth, prediction, single.mean_iou)
            self._low = sorted([*self._low, seen], key=lambda e: e.miou)[: self.count]
            self._high = sorted([*self._high, seen], key=lambda e: -e.miou)[: self.count]

    @property
    def worst(self) -> list[Example]:
        """The pictures with the lowest mIoU, the lowest first."""
        return self._low

    @property
    def best(self) -> list[Example]:
        """The highest first; without those that are among the worst, as all of a few pictures are."""
        taken = {id(example) for example in self._low}
        return [example for example in self._high if id(example) not in taken]


def panels(example: Example, classes: Sequence[ClassInfo]) -> dict[str, U8]:
    """Picture, prediction, truth and what is wrong, each `[H, W, 3]`, by name."""
    wrong = (example.prediction != example.truth) & (example.truth != 255)
    return {
        "picture": example.image,
        "prediction": colorize(example.prediction, classes),
        "truth": colorize(example.truth, classes),
        "wrong pixels": marked(example.image, wrong, WRONG),
    }


def marked(rgb: U8, where: BOOL, colour: tuple[int, int, int]) -> U8:
    """A picture `[H, W, 3]` in dark grey with the pixels `where` `[H, W]` in a colour."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) // 2
    painted: U8 = np.where(where[..., None], np.array(colour, np.uint8), grey[..., None])
    return painted
