"""Pictures shown to an engine and a temporal stage as the daemon would show them."""

from __future__ import annotations

import time
from dataclasses import replace

import cv2

from streamseg.inference.engine import InferenceEngine, Masks
from streamseg.temporal.memory import Memory
from streamseg.temporal.optical_flow import luma_of
from streamseg.temporal.stage import TemporalStage
from streamseg.training.data.class_map import ClassMap
from streamseg.training.data.dataset import Shot
from streamseg.types import U8, Clock, Frame, Picture, PixelLayout


class TemporalPredictor:
    """One stream of shots through an engine and a stage.

    Args:
        engine: Used by this thread alone.
        stage: Made for this engine.
        remembers: The shots follow each other in time; else every one starts without a past.
        classes: What the package's ids become; None: they stay.
    """

    def __init__(
        self,
        engine: InferenceEngine,
        stage: TemporalStage,
        *,
        remembers: bool,
        classes: ClassMap | None = None,
    ) -> None:
        self._engine = engine
        self._stage = stage
        self._remembers = remembers
        self._classes = classes
        self.memory: Memory | None = None

    def __call__(self, shot: Shot) -> tuple[Masks, float]:
        """See `Player`."""
        masks, memory, took_ms = step(self._engine, self._stage, shot, self.memory)
        self.memory = memory if self._remembers else None
        return renamed(masks, self._classes, shot.truth), took_ms


def renamed(masks: Masks, classes: ClassMap | None, truth: U8) -> Masks:
    """Masks of one picture in the ids that are measured, where labels overlap at the size of the truth."""
    if classes is None:
        return masks
    labels = masks.labels[0]
    if classes.accepts is not None:
        labels = cv2.resize(labels, truth.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return replace(masks, labels=classes.measured(labels, truth)[None])


def step(
    engine: InferenceEngine, stage: TemporalStage, shot: Shot, memory: Memory | None
) -> tuple[Masks, Memory, float]:
    """One shot through a stage.

    Returns:
        The masks, the memory for the next shot, and the milliseconds from segmenter to labels; scaling the
        picture to the network's size is not counted.
    """
    size = engine.package.manifest.size_wh
    rgb = cv2.resize(shot.image, size, interpolation=cv2.INTER_AREA)
    luma = luma_of(shot.image, size)
    frame = _frame(shot)
    begin = time.perf_counter()
    masks, memory = stage.step(engine.start(rgb[None]), frame, luma, memory)
    return masks, memory, (time.perf_counter() - begin) * 1e3


def _frame(shot: Shot) -> Frame:
    size_wh = (shot.image.shape[1], shot.image.shape[0])
    picture = Picture(PixelLayout.RGB, (shot.image,), size_wh, full_range=True)
    time_s = shot.time_s
    return Frame("evaluate", round(time_s * 1e3), time_s, time_s, time_s, Clock.FILE, picture)
