"""The parts of an evaluation: each measures, shows a table and gives its figures as plain data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from streamseg.errors import MissingExtraError, TrainingError
from streamseg.inference.engine import InferenceEngine
from streamseg.temporal.optical_flow import MotionMode
from streamseg.training.config.recipe import Recipe
from streamseg.training.data.dataset import Dataset, other_datasets
from streamseg.training.data.labels import find_pairs
from streamseg.training.evaluation import text_tables
from streamseg.training.evaluation.compare import Measured, count_weights
from streamseg.training.evaluation.corruptions import stresses
from streamseg.training.evaluation.evaluate import ablate, evaluate
from streamseg.training.evaluation.evaluator import Measures, as_json
from streamseg.training.evaluation.scene_cut_eval import AfterCut, measure_cuts
from streamseg.types import TemporalMode

Say = Callable[[Any], None]  # shows a line or a rich table
Pairs = Sequence[tuple[str, str]]  # classes of a package and of pictures that belong together


def measure_package(
    say: Say, engine: InferenceEngine, data: Dataset, motion: MotionMode, name: str = ""
) -> Measured:
    """A package in its temporal modes; says what it is (`name`, else its own) and what it runs on."""
    package, info = engine.package, engine.info
    graph = package.graph("segmenter")
    weights = count_weights(graph) if graph else None
    size = "" if weights is None else f", {weights / 1e6:.2f} M parameters"
    runs_on = f"{info.backend} {info.version} {info.precision}"
    say(f"{name or package.manifest.name} on {runs_on}, {len(data.pairs)} pictures{size}")
    return Measured(info, weights, evaluate(engine, data, motion=motion))


def under_stress(
    say: Say, engine: InferenceEngine, data: Dataset, motion: MotionMode, calm: Mapping[str, Measures]
) -> dict[str, object]:
    """Every temporal mode under every stress, beside the `calm` figures; by stress, then by mode."""
    results = {
        stress.value: evaluate(engine, data, motion=motion, stress=stress)
        for stress in stresses(clip=data.clip)
    }
    rows = {
        (stress, mode): measures
        for stress, modes in {"clean": calm, **results}.items()
        for mode, measures in modes.items()
        if mode != "truth"
    }
    say(text_tables.by_result(("stress", "temporal"), rows, text_tables.STEADINESS))
    return {stress: as_json(modes) for stress, modes in results.items()}


def after_cut(
    say: Say, engine: InferenceEngine, data: Dataset, recipe: Recipe | None
) -> dict[str, float | None] | None:
    """What memory leaves after a hard cut to pictures of the train split.

    Returns:
        Shares by name; None, and a line that says why, where there is nothing to measure it with.
    """
    try:
        cut = _cut(engine, data, recipe)
    except TrainingError as error:
        say(f"after a cut: not measured: {error}")
        return None
    say(text_tables.after_cut_line(cut))
    return {key: None if math.isnan(value) else value for key, value in asdict(cut).items()}


def _cut(engine: InferenceEngine, data: Dataset, recipe: Recipe | None) -> AfterCut:
    if engine.package.manifest.graphs.stabiliser is None:
        raise TrainingError("the package has no stabiliser")
    if recipe is None:
        raise TrainingError("pictures of other places are wanted: name a recipe, which has a train split")
    pairs = [pair for one in recipe.data.train for pair in find_pairs(one)]
    return measure_cuts(engine, data, pairs)


def ablation(say: Say, engine: InferenceEngine, data: Dataset) -> dict[str, dict[str, object]]:
    """Every temporal mode with motion compensation and without; by `mode:motion`."""
    results = ablate(engine, data)
    rows = {_parts(name): measures for name, measures in results.items()}
    say(text_tables.by_result(("temporal", "motion"), rows, (*text_tables.STEADINESS, "ms a frame")))
    return as_json(results)


def _parts(name: str) -> tuple[str, str]:
    mode, _, motion = name.partition(":")
    return mode, motion or "–"


def other_sets(say: Say, engine: InferenceEngine, recipe: Recipe, pairs: Pairs) -> dict[str, object]:
    """Single frames of a recipe's further val sets, each in its own labels; by set."""
    found: dict[str, object] = {}
    names = [one.name for one in engine.package.manifest.classes]
    for name, data in other_datasets(recipe).items():
        own = [(ours, theirs) for ours, theirs in pairs if not theirs or theirs in (data.names or ())]
        measures = evaluate(engine, data.matched(names, own), [TemporalMode.NONE])
        say(f"{name}, {len(data.pairs)} pictures, single frames")
        say(text_tables.by_measure(measures))
        found[name] = as_json(measures)["none"]
    return found


def comparison(say: Say, measured: Mapping[str, Measured]) -> dict[str, object]:
    """Packages side by side; by package."""
    say(text_tables.by_package(measured))
    return {
        name: {
            "backend": one.info.backend,
            "precision": one.info.precision,
            "parameters": one.parameters,
            "measures": as_json(one.measures),
        }
        for name, one in measured.items()
    }


def require_baselines() -> None:
    """Raises MissingExtraError where scikit-learn is not installed, before anything is measured."""
    try:
        from streamseg.training.evaluation import baselines  # noqa: F401, PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtraError("evaluate --baselines", "baselines") from error


def baselines(
    say: Say, recipe: Recipe, data: Dataset, package: Mapping[str, Measures]
) -> dict[str, dict[str, object]]:
    """What deep networks replaced, beside the package's own figures; by method."""
    from streamseg.training.evaluation.baselines import measure_baselines  # noqa: PLC0415 brings scikit-learn

    results = {name: m for name, m in measure_baselines(recipe, data).items() if name != "truth"}
    rows = {(name,): m for name, m in {**results, **package}.items() if name != "truth"}
    figures = ("mIoU %", "pixels right %", "boundary F1 %", "temporal IoU", "flicker %", "ms a frame")
    say(text_tables.by_result(("method",), rows, figures))
    return as_json(results)
