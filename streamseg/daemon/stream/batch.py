"""Frames of several streams segmented at once, on the engine's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from streamseg.daemon.stream.pipeline import Pipeline
from streamseg.inference.engine import InferenceEngine
from streamseg.temporal.batch import step_batch
from streamseg.types import Frame, Segmentation


def process_together(engine: InferenceEngine, parts: Sequence[tuple[Pipeline, Frame]]) -> list[Segmentation]:
    """What each pipeline's `process` makes of its frame, computed at once; for all of them or for none.

    The times told of a frame are those of its batch.

    Args:
        engine: The engine of all pipelines.
        parts: One frame of each stream.

    Raises:
        EngineError: The engine failed on one of them; no memory has changed.
    """
    alike: dict[bool, list[int]] = {}  # stabilised ones and others, which cannot share a batch
    for index, (pipeline, _) in enumerate(parts):
        alike.setdefault(pipeline.recurrent, []).append(index)
    conclusions: dict[int, Callable[[], Segmentation]] = {}
    for indices in alike.values():
        steps = _step(engine, [parts[index] for index in indices])
        conclusions.update(zip(indices, steps, strict=True))
    return [conclusions[index]() for index in range(len(parts))]


def _step(
    engine: InferenceEngine, parts: Sequence[tuple[Pipeline, Frame]]
) -> list[Callable[[], Segmentation]]:
    """A batch computed; what is left to do for each frame once all batches went well."""
    sights = [pipeline.look_at(frame) for pipeline, frame in parts]
    run = engine.start(np.stack([sight.rgb for sight in sights]))
    asked = [pipeline.part(sight) for (pipeline, _), sight in zip(parts, sights, strict=True)]
    steps = step_batch(engine, run, asked)
    return [
        partial(pipeline.conclude, sight, masks, memory, run.infer_ms)
        for (pipeline, _), sight, (masks, memory) in zip(parts, sights, steps, strict=True)
    ]
