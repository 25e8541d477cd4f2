"""All measures of models that label the same pictures, side by side."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

import cv2
import numpy as np

from streamseg.inference.engine import Masks
from streamseg.training.data.dataset import Shot
from streamseg.training.evaluation import metrics
from streamseg.types import U8


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured of one model or temporal mode; shares are 0…1, nan where they do not apply.

    Attributes:
        miou: Mean intersection over union over the whole set.
        iou: The same of each class.
        accuracy: Share of labelled pixels right.
        boundary_f1: At 3 px.
        calibration_error: Of the published confidence (ECE, 15 bins).
        temporal_iou: mIoU with the flow-warped previous prediction.
        flicker: Share of steady pixels whose label changed.
        changed_accuracy: Share right where the true label changed.
        frame_ms: Median time of a frame, segmenter to labels, milliseconds.
        taken_for: Of the pixels of each true class, the share that was given each class.
    """

    miou: float
    iou: dict[str, float]
    accuracy: float
    boundary_f1: float
    calibration_error: float
    temporal_iou: float
    flicker: float
    changed_accuracy: float
    frame_ms: float
    taken_for: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moment:
    """One shot as every player labelled it.

    Attributes:
        shot: What was shown.
        labels: Predictions by player, `[H, W]` uint8 at the truth's size.
        motion: Since the moment before; None in the first, and where the shots are no clip.
    """

    shot: Shot
    labels: dict[str, U8]
    motion: metrics.Motion | None


Watcher = Callable[[Moment], None]


class Player(Protocol):
    """Anything that labels shots one after the other, and may remember those before."""

    def __call__(self, shot: Shot, /) -> tuple[Masks, float]:
        """Masks of `shot.image` (batch of 1, any size) and the milliseconds they took."""


class Evaluation:
    """Measures of one model, filled frame by frame."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = classes
        self.confusion = metrics.Confusion(len(classes))
        self.boundary = metrics.BoundaryF1()
        self.calibration = metrics.Calibration()
        self.steady = metrics.TemporalConsistency(len(classes))
        self.times_ms: list[float] = []

    def add(self, truth: U8, masks: Masks) -> U8:
        """Count one frame; returns its prediction at the truth's size."""
        prediction = resize_mask(masks.labels[0], truth.shape)
        self.confusion.add(truth, prediction)
        self.boundary.add(truth, prediction)
        if masks.confidence is not None:
            self.calibration.add(truth, prediction, resize_mask(masks.confidence[0], truth.shape))
        return prediction

    def measures(self, *, clip: bool) -> Measures:
        """The result."""
        nan = float("nan")
        return Measures(
            miou=self.confusion.mean_iou,
            iou=dict(zip(self.classes, map(float, self.confusion.iou), strict=True)),
            accuracy=self.confusion.accuracy,
            boundary_f1=self.boundary.value,
            calibration_error=self.calibration.error,
            temporal_iou=self.steady.temporal_iou if clip else nan,
            flicker=self.steady.flicker if clip else nan,
            changed_accuracy=self.steady.changed_accuracy if clip else nan,
            frame_ms=statistics.median(self.times_ms) if self.times_ms else nan,
            taken_for={name: self._shares(row) for name, row in self._rows() if row.any()},
        )

    def _rows(self) -> Iterable[tuple[str, metrics.I64]]:
        return zip(self.classes, self.confusion.counts, strict=True)

    def _shares(self, row: metrics.I64) -> dict[str, float]:
        return dict(zip(self.classes, (row / row.sum()).tolist(), strict=True))


def measure(
    taken: Iterable[Shot],
    players: Mapping[str, Player],
    classes: Sequence[str],
    *,
    clip: bool,
    watchers: Sequence[Watcher] = (),
) -> dict[str, Measures]:
    """Show the shots to every player and measure them all.

    Motion is measured between the scenes, not between what the models see of them: all are held to one
    ruler, however bad the picture is.

    Args:
        taken: Shots in order; read once.
        players: By name.
        classes: Names by id.
        clip: The shots follow each other in time.
        watchers: Shown every moment, in order.

    Returns:
        Measures by name; for a clip also `truth`, what the labels themselves would score.
    """
    everyone = {**players, "truth": label_perfectly} if clip else players
    results = {name: Evaluation(classes) for name in everyone}
    before: Moment | None = None
    for shot in taken:
        labels = {}
        for name, player in everyone.items():
            masks, took_ms = player(shot)
            labels[name] = results[name].add(shot.truth, masks)
            results[name].times_ms.append(took_ms)
        motion = metrics.measure_motion(before.shot.scene, shot.scene) if clip and before else None
        now = Moment(shot, labels, motion)
        if before is not None and motion is not None:
            _count_motion(results, motion, before, now)
        for watcher in watchers:
            watcher(now)
        before = now
    return {name: result.measures(clip=clip) for name, result in results.items()}


def label_perfectly(shot: Shot) -> tuple[Masks, float]:
    """The labels themselves, certain of themselves, as a player."""
    return Masks(shot.truth[None], np.full_like(shot.truth[None], 255)), float("nan")


def _count_motion(
    results: Mapping[str, Evaluation], motion: metrics.Motion, before: Moment, now: Moment
) -> None:
    for name, result in results.items():
        then, here = ((moment.shot.truth, moment.labels[name]) for moment in (before, now))
        result.steady.add(motion, then, here)


def resize_mask(labels: U8, shape: tuple[int, ...]) -> U8:
    """A label map or confidence `[h, w]` at another size (height, width): the nearest pixel's value."""
    if labels.shape == shape:
        return labels
    resized: U8 = cv2.resize(labels, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    return resized


def as_json(results: Mapping[str, Measures]) -> dict[str, dict[str, object]]:
    """Plain data; nan becomes None."""
    return {name: {k: _plain(v) for k, v in asdict(m).items()} for name, m in results.items()}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
