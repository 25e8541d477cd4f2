"""Measure a package as the daemon would run it: its engine, its temporal stage, real pictures; no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streamseg.errors import TrainingError
from streamseg.inference.engine import InferenceEngine
from streamseg.temporal.optical_flow import MotionMode
from streamseg.temporal.stage import TemporalStage, make_stage
from streamseg.training.data.dataset import Dataset, shots
from streamseg.training.evaluation.corruptions import Stress, stressed
from streamseg.training.evaluation.evaluator import Measures, Watcher, measure
from streamseg.training.evaluation.predictor import TemporalPredictor
from streamseg.types import TemporalMode


def evaluate(
    engine: InferenceEngine,
    data: Dataset,
    modes: Iterable[TemporalMode] | None = None,
    *,
    motion: MotionMode = MotionMode.FLOW,
    stress: Stress | None = None,
    watchers: Sequence[Watcher] = (),
) -> dict[str, Measures]:
    """Measure an engine in several temporal modes.

    Args:
        engine: Loaded; used by this thread alone.
        data: The pictures.
        modes: Default: `none`, for a clip also `ema` and, with a stabiliser in the package, `convgru`.
        motion: Whether the past is carried along with the picture.
        stress: What happens to the pictures before the model sees them.
        watchers: Shown every moment and what each mode made of it.

    Returns:
        Measures by mode; for a clip also `truth`, what the labels themselves would score.

    Raises:
        TrainingError: The pictures' classes are not those of the package by name, and nobody said which
            belong together (`Dataset.matched`).
    """
    chosen = list(modes) if modes is not None else default_modes(engine, clip=data.clip)
    stages = {mode.value: make_stage(mode, engine, motion) for mode in chosen}
    return _measure(engine, data, stages, stress, watchers)


def ablate(engine: InferenceEngine, data: Dataset) -> dict[str, Measures]:
    """Measure every temporal mode with motion compensation and without.

    Returns:
        Measures by `mode:motion`; `none` once, as it keeps nothing that could be moved; and `truth`.

    Raises:
        TrainingError: The pictures are no clip.
    """
    if not data.clip:
        raise TrainingError(
            "an ablation of the temporal modes needs consecutive frames; if they are, say --clip"
        )
    stages = {"none": make_stage(TemporalMode.NONE, engine)}
    for mode in default_modes(engine, clip=True)[1:]:
        for motion in MotionMode:
            stages[f"{mode}:{motion}"] = make_stage(mode, engine, motion)
    return _measure(engine, data, stages)


def default_modes(engine: InferenceEngine, *, clip: bool) -> list[TemporalMode]:
    """The modes worth measuring; `none` is the first."""
    if not clip:
        return [TemporalMode.NONE]
    recurrent = engine.package.manifest.graphs.stabiliser is not None
    return [TemporalMode.NONE, TemporalMode.EMA, *([TemporalMode.CONVGRU] if recurrent else [])]


def _measure(
    engine: InferenceEngine,
    data: Dataset,
    stages: Mapping[str, TemporalStage],
    stress: Stress | None = None,
    watchers: Sequence[Watcher] = (),
) -> dict[str, Measures]:
    package = [c.name for c in engine.package.manifest.classes]
    data = data.matched(package)
    classes = data.classes(package)
    taken = shots(data, len(classes))
    if stress is not None:
        taken = stressed(taken, stress, clip=data.clip, fps=data.fps)
    players = {
        name: TemporalPredictor(engine, stage, remembers=data.clip, classes=data.map)
        for name, stage in stages.items()
    }
    return measure(taken, players, classes, clip=data.clip, watchers=watchers)
