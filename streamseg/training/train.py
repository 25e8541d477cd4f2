"""A whole run: check the data, train the segmenter, train the stabiliser, export, measure, report.

    runs/<name>/segment/      checkpoint.safetensors  best.safetensors  log.jsonl  recipe.json
    runs/<name>/stabilise/    the same
    runs/<name>/report.html
    runs/<name>/<name>/       the model package

Stopped at any time and started again, a run goes on where its last checkpoint was. What is exported are the
averaged weights at the end of the schedule, not those that scored best on val: the val figures then measure
the model and did not choose it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from streamseg.errors import ConfigError, TrainingError
from streamseg.models.segmenter import Segmenter
from streamseg.models.stabiliser import Stabiliser
from streamseg.training import checks
from streamseg.training.ema import M
from streamseg.training.export import export
from streamseg.training.finish import finish
from streamseg.training.fit import Run, Stage
from streamseg.training.folders import Folders
from streamseg.training.recipe import Recipe, parse_recipe
from streamseg.training.segment import SegmentStage
from streamseg.training.stabilise import StabiliseStage

_LOG = logging.getLogger(__name__)


def train(recipe: Recipe, root: Path, say: Callable[[str], None]) -> Folders:
    """Run a recipe from where it stands to the measured package.

    Args:
        recipe: What to do.
        root: Folder of all runs.
        say: Told what is being done, a line at a time.

    Raises:
        TrainingError: The data is unfit (every problem listed), a checkpoint belongs to another recipe, the
            loss is not finite, or the disk is full. The last good checkpoint stays.
    """
    cv2.setNumThreads(1)  # the cores are the networks'
    folders = Folders(root, recipe.name)
    say(f"checking the data of {recipe.name}")
    check_data(recipe)
    segmenter = _train_segmenter(recipe, folders, say)
    stabiliser = _train_stabiliser(recipe, segmenter, folders, say)
    say(f"exporting to {folders.package}")
    export(recipe, segmenter, stabiliser, folders.package)
    finish(recipe, folders, say)
    return folders


def check_data(recipe: Recipe) -> None:
    """Look at every picture and label once; what is odd but not wrong is logged.

    Raises:
        TrainingError: With every problem, one line each.
    """
    findings = checks.check_data(recipe)
    if findings.problems:
        raise TrainingError("the data cannot be trained on:\n" + "\n".join(findings.problems))
    for warning in findings.warnings:
        _LOG.warning("data: %s", warning)


def _train_segmenter(recipe: Recipe, folders: Folders, say: Callable[[str], None]) -> Segmenter:
    stage = SegmentStage(recipe)
    say(f"training the segmenter: {len(stage.train)} pictures, {stage.schedule.steps} steps")
    return _fit(stage, recipe, {"stabilise", "name", "version"}, folders)


def _train_stabiliser(
    recipe: Recipe, segmenter: Segmenter, folders: Folders, say: Callable[[str], None]
) -> Stabiliser:
    stage = StabiliseStage(recipe, segmenter)
    say(f"training the stabiliser: clips of {recipe.stabilise.frames} frames, {stage.schedule.steps} steps")
    return _fit(stage, recipe, {"name", "version"}, folders)


def _fit(stage: Stage[M], recipe: Recipe, ignored: set[str], folders: Folders) -> M:
    folder = folders.stage(stage.name)
    _same_recipe(folder / "recipe.json", recipe, ignored)
    run = Run(stage, folder)
    run.fit()
    return run.average.model


def _same_recipe(path: Path, recipe: Recipe, ignored: set[str]) -> None:
    """Refuse to go on with a checkpoint made by other settings."""
    settings = recipe.model_dump(mode="json", exclude=ignored)
    if path.exists():
        before = _completed(json.loads(path.read_text(encoding="utf-8")), recipe, ignored)
        changed = sorted(key for key in {*before, *settings} if before.get(key) != settings.get(key))
        if changed:
            raise TrainingError(
                f"{path.parent} was made by another recipe (changed: {', '.join(changed)}); "
                "start again with --fresh, or give the recipe another name"
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=1), encoding="utf-8")


def _completed(before: dict[str, Any], recipe: Recipe, ignored: set[str]) -> dict[str, Any]:
    """Settings as an older version wrote them, with those added since at their defaults: what it did then."""
    whole = {**recipe.model_dump(mode="json", include=ignored), **before}
    try:
        return parse_recipe(whole, "before").model_dump(mode="json", exclude=ignored)
    except ConfigError:  # it has settings that are no more; they count as changed
        return before
