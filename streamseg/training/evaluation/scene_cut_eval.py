"""Ghosts: what a stream's memory leaves in the first picture after a hard cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from streamseg.errors import TrainingError
from streamseg.inference.engine import InferenceEngine
from streamseg.temporal.memory import Memory
from streamseg.temporal.reset import NEVER, ResetLimits
from streamseg.temporal.stage import TemporalStage, make_stage
from streamseg.training.data.dataset import Dataset, Shot, read_shot, shots
from streamseg.training.data.labels import Pair
from streamseg.training.evaluation.evaluator import Evaluation
from streamseg.training.evaluation.predictor import TemporalPredictor, renamed, step
from streamseg.types import TemporalMode


@dataclass(frozen=True, slots=True)
class AfterCut:
    """Of the first pictures after a cut, 0…1.

    Attributes:
        convgru: Their mIoU with the memory of the stream before the cut, as the daemon would run it.
        unaided: The same with scene cut detection off: what the gates let go of by themselves.
        fresh: The same without a past.
        noticed: Share of the cuts at which the daemon let the memory go.
    """

    convgru: float
    unaided: float
    fresh: float
    noticed: float


def measure_cuts(
    engine: InferenceEngine, data: Dataset, elsewhere: Sequence[Pair], *, frames: int = 10, cuts: int = 16
) -> AfterCut:
    """Play the beginning of a clip, then cut to pictures of other places, each time from the same memory.

    Args:
        engine: Its package has a stabiliser.
        data: A clip.
        elsewhere: Pictures of other scenes; `cuts` of them are taken, evenly spaced.
        frames: Frames played before the cut.
        cuts: How many cuts.

    Raises:
        PackageError: The package has no stabiliser.
        TrainingError: The pictures are no clip.
    """
    if not data.clip:
        raise TrainingError("a cut needs consecutive frames before it; if they are, say --clip")
    package = [c.name for c in engine.package.manifest.classes]
    data = data.matched(package)
    names = data.classes(package)
    aided = make_stage(TemporalMode.CONVGRU, engine)
    unaided = make_stage(TemporalMode.CONVGRU, engine, limits=ResetLimits(scene_cut=NEVER))
    played = min(frames, len(data.pairs))
    past = _play(engine, aided, data, played)
    next_shots = [read_shot(data, elsewhere[i], len(names), played) for i in spread(len(elsewhere), cuts)]
    kept, noticed = _first_miou(engine, aided, next_shots, past, data, names)
    return AfterCut(
        convgru=kept,
        unaided=_first_miou(engine, unaided, next_shots, past, data, names)[0],
        fresh=_first_miou(engine, aided, next_shots, None, data, names)[0],
        noticed=noticed,
    )


def spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` different places among `count`, evenly spaced from the first to the last."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, wanted))})


def _play(engine: InferenceEngine, stage: TemporalStage, data: Dataset, frames: int) -> Memory | None:
    player = TemporalPredictor(engine, stage, remembers=True)
    for shot in islice(shots(data, len(engine.package.manifest.classes)), frames):
        player(shot)
    return player.memory


def _first_miou(
    engine: InferenceEngine,
    stage: TemporalStage,
    firsts: Sequence[Shot],
    past: Memory | None,
    data: Dataset,
    names: Sequence[str],
) -> tuple[float, float]:
    """MIoU of the pictures, each with the same past, and the share of them at which it was let go."""
    result, let_go = Evaluation(names), 0
    for shot in firsts:
        masks, memory, _ = step(engine, stage, shot, past)
        result.add(shot.truth, renamed(masks, data.map, shot.truth))
        let_go += memory.reset is not None
    return result.confusion.mean_iou, let_go / len(firsts)
