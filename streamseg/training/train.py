"""A whole run: check the data, train its stages one after the other, export, measure, report.

    runs/<name>/<stage>/      checkpoint.safetensors  best.safetensors  log.jsonl  recipe.json
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
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
from lightning_fabric import Fabric

from streamseg.errors import ConfigError, TrainingError
from streamseg.training import checks
from streamseg.training.adversarial import AdversarialStage
from streamseg.training.export import export
from streamseg.training.finish import finish
from streamseg.training.fit import Run
from streamseg.training.folders import Folders
from streamseg.training.networks import Networks, first_networks
from streamseg.training.processes import described, new_fabric
from streamseg.training.recipe import Recipe, parse_recipe
from streamseg.training.segment import SegmentStage
from streamseg.training.semi import SemiStage
from streamseg.training.stabilise import StabiliseStage
from streamseg.training.stage_recipes import StageName

_LOG = logging.getLogger(__name__)

Say = Callable[[str], None]
AnyStage = SegmentStage | StabiliseStage


def train(recipe: Recipe, root: Path, say: Say) -> Folders:
    """Run a recipe from where it stands to the measured package.

    Under `torchrun` every process runs this; the first one alone speaks, exports and measures.

    Args:
        recipe: What to do.
        root: Folder of all runs; of several processes the same.
        say: Told what is being done, a line at a time.

    Raises:
        TrainingError: The data is unfit (every problem listed), a checkpoint belongs to another recipe, the
            loss is not finite, or the disk is full. The last good checkpoint stays.
    """
    cv2.setNumThreads(1)  # the cores are the networks'
    fabric, folders = new_fabric(), Folders(root, recipe.name)
    say = say if fabric.is_global_zero else _silent
    say(f"checking the data of {recipe.name}; training on {described(fabric)}")
    check_data(recipe)
    networks = train_stages(recipe, folders, fabric, say)
    if fabric.is_global_zero:
        say(f"exporting to {folders.package}")
        segmenter, stabiliser = networks.need_segmenter(), networks.stabiliser
        export(recipe, segmenter, stabiliser, folders.package, networks.critic)
        finish(recipe, folders, networks, say)
    fabric.barrier()
    return folders


def train_stages(recipe: Recipe, folders: Folders, fabric: Fabric, say: Say) -> Networks:
    """Run a recipe's stages, each from where it stands; the networks in evaluation mode, on the CPU."""
    networks = first_networks(recipe)
    for name in recipe.stages:
        stage = new_stage(name, recipe, networks)
        say(f"{name}: {len(stage.train)} pictures, {stage.schedule.steps} steps")
        folder = folders.stage(name)
        if fabric.is_global_zero:
            _same_recipe(folder / "recipe.json", recipe, name)
        run: Run[Any] = Run(stage, folder, fabric)
        run.fit()
        networks = _with(networks, stage, run)
    return networks


def new_stage(name: StageName, recipe: Recipe, networks: Networks) -> AnyStage:
    """The stage of that name, going on from the networks there are."""
    if name == "segment":
        return SegmentStage(recipe, segmenter=networks.segmenter)
    segmenter = networks.need_segmenter()
    if name == "stabilise":
        return StabiliseStage(recipe, segmenter)
    segmenter.requires_grad_(requires_grad=True)
    kind = AdversarialStage if name == "adversarial" else SemiStage
    return kind(recipe, segmenter, networks.critic)


def _with(networks: Networks, stage: AnyStage, run: Run[Any]) -> Networks:
    model = run.average.model.cpu()
    if isinstance(stage, StabiliseStage):
        return replace(networks, segmenter=stage.segmenter.cpu(), stabiliser=model)
    critic = stage.critic.cpu() if isinstance(stage, AdversarialStage) else networks.critic
    return replace(networks, segmenter=model, critic=critic)


def _silent(_: str) -> None:
    pass


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


def _same_recipe(path: Path, recipe: Recipe, stage: StageName) -> None:
    """Refuse to go on with a checkpoint made by other settings."""
    settings = _settings(recipe, stage)
    if path.exists():
        before = _completed(json.loads(path.read_text(encoding="utf-8")), recipe, stage)
        changed = sorted(key for key in {*before, *settings} if before.get(key) != settings.get(key))
        if changed:
            raise TrainingError(
                f"{path.parent} was made by another recipe (changed: {', '.join(changed)}); "
                "start again with --fresh, or give the recipe another name"
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=1), encoding="utf-8")


def _settings(recipe: Recipe, stage: StageName) -> dict[str, Any]:
    """What a stage's result depends on."""
    stages = recipe.stages[: recipe.stages.index(stage) + 1]
    # segment says what pictures and losses are, also for the stages after it
    keep = {"seed", "size", "classes", "start", "data", "segment", *stages}
    settings = {**recipe.model_dump(mode="json", include=keep), "stages": stages}
    if "semi" not in stages:
        del settings["data"]["unlabelled"]
    return settings


def _completed(before: dict[str, Any], recipe: Recipe, stage: StageName) -> dict[str, Any]:
    """Settings as an older version wrote them, with those added since at their defaults: what it did then."""
    defaults = {key: Recipe.model_fields[key].get_default() for key in ("stages", "start")}
    whole = {**recipe.model_dump(mode="json"), **defaults, **before}
    try:
        return _settings(parse_recipe(whole, "before"), stage)
    except ConfigError:  # it has settings that are no more; they count as changed
        return before
