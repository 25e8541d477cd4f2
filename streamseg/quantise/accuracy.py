"""What a package loses in another precision: mIoU where there are labels, else agreement with f32."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np

from streamseg.inference.engine import InferenceEngine
from streamseg.training.config.recipe_data import IGNORE
from streamseg.training.data.class_map import ClassMap
from streamseg.training.data.dataset import Dataset, Shot, shots
from streamseg.training.evaluation.evaluator import resize_mask
from streamseg.training.evaluation.metrics import Confusion
from streamseg.types import U8

Measure: TypeAlias = Literal["miou", "agreement"]  # as the manifest calls them


@dataclass(frozen=True, slots=True)
class Score:
    """How an engine did, both 0…1.

    Attributes:
        miou: Of the segmenter alone, every picture by itself; nan without labels.
        agreement: Share of the pixels with the label that the reference gave.
    """

    miou: float
    agreement: float


class AccuracyMetric:
    """Shows the same pictures to engines of one package.

    Args:
        shots: Gives the pictures, each time anew.
        classes: How many the package has.
        labelled: Whether they have labels.
        class_map: What the package's ids become before they are compared with labels; None: they stay.
    """

    def __init__(
        self,
        shots: Callable[[], Iterable[Shot]],
        classes: int,
        *,
        labelled: bool,
        class_map: ClassMap | None = None,
    ) -> None:
        self._shots, self._classes, self._map = shots, classes, class_map
        self.measure: Measure = "miou" if labelled else "agreement"
        self._reference: list[U8] = []
        self._exact = Score(float("nan"), 1.0)

    def refer(self, engine: InferenceEngine) -> Score:
        """Take what an engine says, in f32, as what the others are held against."""
        self._reference = []
        self._exact = self.score(engine)
        return self._exact

    def score(self, engine: InferenceEngine) -> Score:
        """Show an engine all pictures."""
        confusion, same, first = Confusion(self._classes), list[float](), not self._reference
        for index, shot in enumerate(self._shots()):
            labels = _labels(engine, shot.image)
            if first:
                self._reference.append(labels)
            same.append(float(np.mean(labels == self._reference[index])))
            shown = resize_mask(labels, shot.truth.shape)
            measured = shown if self._map is None else self._map.measured(shown, shot.truth)
            confusion.add(shot.truth, measured)
        return Score(confusion.mean_iou, float(np.mean(same)))

    def loss(self, score: Score) -> float:
        """Points (hundredths) that were lost against the reference; negative for a gain."""
        if self.measure == "agreement":
            return 100 * (1 - score.agreement)
        return 100 * (self._exact.miou - score.miou)


def by_labels(data: Dataset, classes: Sequence[str]) -> AccuracyMetric:
    """A judge with labelled pictures, read anew each time, for a package with these classes.

    Raises:
        TrainingError: The pictures' classes are not those by name (`Dataset.matched`).
    """
    data = data.matched(classes)
    count = len(data.classes(classes))
    return AccuracyMetric(lambda: shots(data, count), count, labelled=True, class_map=data.map)


def by_agreement(pictures: Sequence[U8], classes: int) -> AccuracyMetric:
    """A judge with pictures that nobody labelled."""
    blank = [np.full(picture.shape[:2], IGNORE, np.uint8) for picture in pictures]
    made = [Shot(i, float(i), p, p, t) for i, (p, t) in enumerate(zip(pictures, blank, strict=True))]
    return AccuracyMetric(lambda: made, classes, labelled=False)


def _labels(engine: InferenceEngine, image: U8) -> U8:
    scaled = cv2.resize(image, engine.package.manifest.size_wh, interpolation=cv2.INTER_AREA)
    labels: U8 = engine.start(scaled[None]).readout().labels[0]
    return labels
