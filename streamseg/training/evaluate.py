"""Measure a package as the daemon would run it: its engine, its temporal stage, real pictures; no torch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from streamseg.errors import TrainingError
from streamseg.inference.engine import InferenceEngine, Masks
from streamseg.temporal.memory import Memory
from streamseg.temporal.motion import luma_size
from streamseg.temporal.stage import TemporalStage, make_stage
from streamseg.training import metrics
from streamseg.training.data import IGNORE, Labelling, Pair, find_pairs, labelling_of, read_pair
from streamseg.training.recipe import SplitRecipe, load_recipe
from streamseg.types import U8, Clock, Frame, Picture, PixelLayout, TemporalMode


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled pictures to measure on.

    Attributes:
        pairs: In order.
        clip: They are consecutive frames, so steadiness can be measured.
        labelling: How their labels are read; None: as ids of the model's classes.
    """

    pairs: Sequence[Pair]
    clip: bool
    labelling: Labelling | None = None

    def read(self, pair: Pair, classes: int) -> tuple[U8, U8]:
        """A picture and its truth; every id that is none of the model's `classes` is ignored."""
        image, truth = read_pair(pair, self.labelling or Labelling(classes))
        return image, np.where(truth < classes, truth, IGNORE).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured in one temporal mode; shares are 0…1, nan where they do not apply.

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


def find_dataset(data: Path, *, clip: bool | None = None) -> Dataset:
    """Find the pictures of a recipe's val split, or of a folder with `images/` and `labels/`.

    CamVid's names `val/` and `valannot/` are understood too.

    Args:
        data: File or folder.
        clip: Whether the pictures are consecutive frames; None: as the recipe says, true for CamVid's val,
            else false.

    Raises:
        TrainingError: Nothing usable there.
        ConfigError: The recipe is invalid.
    """
    if data.is_file():
        recipe = load_recipe(data)
        is_clip = recipe.data.val_is_clip if clip is None else clip
        return Dataset(find_pairs(recipe.data.val), is_clip, labelling_of(recipe))
    for images, labels, is_clip in (("images", "labels", False), ("val", "valannot", True)):
        if (data / images).is_dir() and (data / labels).is_dir():
            pairs = find_pairs(SplitRecipe(images=data / images, labels=data / labels))
            return Dataset(pairs, is_clip if clip is None else clip)
    raise TrainingError(
        f"{data}: expected a recipe, or a folder with images/ and labels/ (or val/ and valannot/)"
    )


class Evaluation:
    """Measures of one temporal mode, filled frame by frame."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = classes
        self.confusion = metrics.Confusion(len(classes))
        self.boundary = metrics.BoundaryF1()
        self.calibration = metrics.Calibration()
        self.steady = metrics.Steadiness(len(classes))
        self.times_ms: list[float] = []

    def add(self, truth: U8, masks: Masks) -> U8:
        """Count one frame; returns its prediction at the truth's size."""
        prediction = _resize(masks.labels[0], truth.shape)
        self.confusion.add(truth, prediction)
        self.boundary.add(truth, prediction)
        if masks.confidence is not None:
            self.calibration.add(truth, prediction, _resize(masks.confidence[0], truth.shape))
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
            frame_ms=float(np.median(self.times_ms)) if self.times_ms else nan,
        )


def evaluate(
    engine: InferenceEngine, data: Dataset, modes: Iterable[TemporalMode] | None = None, *, fps: float = 15.0
) -> dict[str, Measures]:
    """Measure an engine in several temporal modes.

    Args:
        engine: Loaded; used by this thread alone.
        data: The pictures.
        modes: Default: `none`, for a clip also `ema` and, with a stabiliser in the package, `convgru`.
        fps: Rate of the clip, frames a second.

    Returns:
        Measures by mode; for a clip also `truth`, what the labels themselves would score.
    """
    manifest = engine.package.manifest
    chosen = list(modes) if modes is not None else default_modes(engine, clip=data.clip)
    names = [c.name for c in manifest.classes]
    results = {mode.value: Evaluation(names) for mode in chosen}
    if data.clip:
        results["truth"] = Evaluation(names)
    _play(engine, data, {mode: make_stage(mode, engine) for mode in chosen}, results, fps)
    return {name: result.measures(clip=data.clip) for name, result in results.items()}


def default_modes(engine: InferenceEngine, *, clip: bool) -> list[TemporalMode]:
    """The modes worth measuring."""
    if not clip:
        return [TemporalMode.NONE]
    recurrent = engine.package.manifest.graphs.stabiliser is not None
    return [TemporalMode.NONE, TemporalMode.EMA, *([TemporalMode.CONVGRU] if recurrent else [])]


def _play(
    engine: InferenceEngine,
    data: Dataset,
    stages: dict[TemporalMode, TemporalStage],
    results: dict[str, Evaluation],
    fps: float,
) -> None:
    memories: dict[TemporalMode, Memory | None] = dict.fromkeys(stages)
    before: tuple[U8, U8, dict[str, U8]] | None = None
    classes = len(engine.package.manifest.classes)
    for seq, (image, truth) in enumerate(data.read(pair, classes) for pair in data.pairs):
        predictions = {"truth": truth} if data.clip else {}
        for mode, stage in stages.items():
            memory = memories[mode] if data.clip else None
            masks, memories[mode] = _step(
                engine, stage, image, seq / fps, memory, results[mode.value].times_ms
            )
            predictions[mode.value] = results[mode.value].add(truth, masks)
        if data.clip:
            results["truth"].confusion.add(truth, truth)
            results["truth"].boundary.add(truth, truth)
            if before is not None:
                motion = metrics.measure_motion(before[0], image)
                for name, now in predictions.items():
                    results[name].steady.add(motion, (before[1], before[2][name]), (truth, now))
        before = image, truth, predictions


def _step(
    engine: InferenceEngine,
    stage: TemporalStage,
    image: U8,
    time_s: float,
    memory: Memory | None,
    times_ms: list[float],
) -> tuple[Masks, Memory]:
    size = engine.package.manifest.size_wh
    rgb = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    luma = cv2.cvtColor(cv2.resize(image, luma_size(size), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    picture = Picture(PixelLayout.RGB, (image,), (image.shape[1], image.shape[0]), full_range=True)
    frame = Frame("evaluate", round(time_s * 1e3), time_s, time_s, time_s, Clock.FILE, picture)
    begin = time.perf_counter()
    result = stage.step(engine.start(rgb[None]), frame, luma, memory)
    times_ms.append((time.perf_counter() - begin) * 1e3)
    return result


def _resize(labels: U8, shape: tuple[int, ...]) -> U8:
    if labels.shape == shape:
        return labels
    resized: U8 = cv2.resize(labels, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    return resized


def as_json(results: dict[str, Measures]) -> dict[str, dict[str, object]]:
    """Plain data; nan becomes None."""
    return {name: {k: _plain(v) for k, v in asdict(m).items()} for name, m in results.items()}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
