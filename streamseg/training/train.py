"""A whole run: check the data, train its stages one after the other, export, measure, report.

    runs/<name>/<stage>/            checkpoint.safetensors  best.safetensors  log.jsonl  recipe.json
    runs/<name>/report.html
    runs/<name>/package/<name>/     the model package
    runs/<name>/run.lock            held by the process that works there

Stopped at any time and started again, a run goes on where its last checkpoint was. What is exported are the
averaged weights at the end of the schedule, not those that scored best on val: the val figures then measure
the model and did not choose it. With `interpolate: auto` val chooses one share of six, and the card says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
from lightning_fabric import Fabric

from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import StageName
from streamseg.training.data import data_checks
from streamseg.training.export.export import export
from streamseg.training.export.lineage import Origin, origin_of
from streamseg.training.finalize import finish
from streamseg.training.loop.distributed import described, new_fabric
from streamseg.training.loop.fresh import discard
from streamseg.training.loop.interruption import stop_on_signals
from streamseg.training.loop.resume import check_stages, write_record
from streamseg.training.loop.run_dir import RunDirectory
from streamseg.training.loop.run_lock import run_lock
from streamseg.training.loop.trainer import Trainer
from streamseg.training.networks.checkpoint_networks import Networks, first_networks, new_classes
from streamseg.training.networks.interpolation import interpolated, keep_start, taken
from streamseg.training.stages.adversarial import AdversarialStage
from streamseg.training.stages.segment import SegmentStage
from streamseg.training.stages.semi_supervised import SemiStage
from streamseg.training.stages.stabilise import StabiliseStage

_LOG = logging.getLogger(__name__)

Say = Callable[[str], None]
AnyStage = SegmentStage | StabiliseStage


def train(recipe: Recipe, root: Path, say: Say, *, fresh: Sequence[StageName] = ()) -> RunDirectory:
    """Trainer a recipe from where it stands to the measured package.

    Under `torchrun` every process runs this; the first one alone speaks, exports and measures.

    Args:
        recipe: What to do.
        root: Folder of all runs; of several processes the same.
        say: Told what is being done, a line at a time.
        fresh: Stages whose checkpoints are deleted first.

    Raises:
        TrainingError: The data is unfit (every problem listed), a stage was begun with other settings, the
            licence does not follow from what the weights begin with, another process works in the folder, the
            loss is not finite, or the disk is full. The last good checkpoint stays.
        TrainingStoppedError: SIGINT or SIGTERM came while a stage was learning; the step in hand is saved.
        PackageError: A package to begin with is damaged.
    """
    cv2.setNumThreads(1)  # the cores are the networks'
    fabric, folders = new_fabric(), RunDirectory(root, recipe.name)
    say = say if fabric.is_global_zero else _silent
    with run_lock(folders.lock) if fabric.is_global_zero else nullcontext():
        origin = origin_of(recipe)
        if origin.license != recipe.data.license:
            say(f"licence: {origin.license}, which what the weights begin with asks for")
        if fabric.is_global_zero:
            for line in discard(folders, fresh):
                say(line)
        say(f"checking the data of {recipe.name}; training on {described(fabric)}")
        check_data(recipe)
        networks = train_stages(recipe, folders, fabric, say)
        if fabric.is_global_zero:
            say(f"exporting to {folders.package}")
            segmenter, stabiliser = networks.need_segmenter(), networks.stabiliser
            origin = _at_its_share(recipe, folders, origin)
            export(recipe, segmenter, stabiliser, folders.package, networks.critic, origin)
            finish(recipe, folders, networks, say)
            say(f"package: {folders.package}\nreport:  {folders.report}")
        fabric.barrier()
    return folders


def train_stages(recipe: Recipe, folders: RunDirectory, fabric: Fabric, say: Say) -> Networks:
    """Trainer a recipe's stages, each from where it stands; the networks in evaluation mode, on the CPU."""
    origin = origin_of(recipe)
    fabric.barrier()  # the first process may just have deleted what the others would read
    if fabric.is_global_zero:
        for line in check_stages(recipe, folders, origin):
            say(line)
    networks = first_networks(recipe)
    with stop_on_signals(alone=fabric.world_size == 1) as request:
        for name in recipe.stages:
            stage = new_stage(name, recipe, networks)
            say(f"{name}: {len(stage.train)} pictures, {stage.schedule.steps} steps")
            folder, every_s = folders.stage(name), recipe.checkpoint_every_s
            if fabric.is_global_zero:
                write_record(recipe, folder, name, origin)
            run: Trainer[Any] = Trainer(stage, folder, fabric, save_every_s=every_s, request=request)
            begins = name == "segment" and recipe.starts and fabric.is_global_zero
            if begins and isinstance(stage, SegmentStage):
                keep_start(stage.model, folder)
            run.fit()
            networks = _with(networks, stage, run)
            if name == "segment" and recipe.segment.interpolate != 1:
                model, line = interpolated(run, recipe.segment.interpolate, new_classes(recipe))
                networks, origin = replace(networks, segmenter=model), _at_its_share(recipe, folders, origin)
                say(line)
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


def _with(networks: Networks, stage: AnyStage, run: Trainer[Any]) -> Networks:
    model = run.average.model.cpu()
    if isinstance(stage, StabiliseStage):
        return replace(networks, segmenter=stage.segmenter.cpu(), stabiliser=model)
    critic = stage.critic.cpu() if isinstance(stage, AdversarialStage) else networks.critic
    return replace(networks, segmenter=model, critic=critic)


def _at_its_share(recipe: Recipe, folders: RunDirectory, origin: Origin) -> Origin:
    """With how far from its starts the weights lie, where that is not the end of training."""
    choice = taken(recipe, folders)
    return origin if choice is None else origin.interpolated(choice.share)


def _silent(_: str) -> None:
    pass


def check_data(recipe: Recipe) -> None:
    """Look at every picture and label once; what is odd but not wrong is logged.

    Raises:
        TrainingError: With every problem, one line each.
    """
    findings = data_checks.check_data(recipe)
    if findings.problems:
        raise TrainingError("the data cannot be trained on:\n" + "\n".join(findings.problems))
    for warning in findings.warnings:
        _LOG.warning("data: %s", warning)
