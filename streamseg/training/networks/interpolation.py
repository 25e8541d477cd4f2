"""Weights between where a network began and where training took it (WiSE-FT, Wortsman et al. 2022).

Fine-tuned networks do better at what they were tuned on and worse at what they knew before. On the line
between the two lie networks that give back part of the one for most of the other.

    runs/<name>/segment/start.safetensors     what the stage began with
    runs/<name>/segment/interpolation.json    which share of the way was taken, and why
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from streamseg.errors import TrainingError
from streamseg.fileio import replace_file
from streamseg.networks.segmenter import Segmenter
from streamseg.training.config.recipe import Recipe
from streamseg.training.export.lineage import CHECKPOINT_NAME
from streamseg.training.loop import checkpoint
from streamseg.training.loop.run_dir import RunDirectory
from streamseg.training.loop.trainer import Trainer

START_NAME = "start.safetensors"
CHOICE_NAME = "interpolation.json"
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of the way that `auto` compares
TIE = 0.001  # of a mean IoU, 0…1
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was taken of a stage.

    Attributes:
        step: At which its schedule ended.
        interpolate: What the recipe asked for.
        share: Of the way from the start to the end.
        scores: Of the shares that were compared, by share; empty: it was asked for by its number.
    """

    step: int
    interpolate: float | str
    share: float
    scores: Mapping[str, float]


def keep_start(model: Segmenter, folder: Path) -> None:
    """Keep what a stage begins with; what a stage that goes on began with stays.

    Raises:
        TrainingError: The disk is full or not writable.
    """
    begun = (folder / CHECKPOINT_NAME).exists()
    if not begun:  # what lies there is of a stage that came to nothing
        (folder / CHOICE_NAME).unlink(missing_ok=True)
    if not begun or not (folder / START_NAME).exists():
        checkpoint.save(folder / START_NAME, checkpoint.pack("model", model.state_dict()), {})


def between(start: Mapping[str, torch.Tensor], end: Segmenter, share: float, new: Sequence[int]) -> Segmenter:
    """The network a share of the way from `start` to `end`.

    Args:
        start: State of the same network.
        end: Where training ended; stays as it is.
        share: 0…1; 1: the end.
        new: Ids of classes that the start did not know. Of these there is nothing to go back to: they keep
            the end's weights.

    Returns:
        All weights and statistics interpolated, counters as at the end; in evaluation mode.
    """
    found = copy.deepcopy(end).eval()
    with torch.no_grad():
        for name, value in found.state_dict().items():
            if value.dtype.is_floating_point:
                trained = value.clone()
                value.copy_(torch.lerp(start[name].to(value), trained, share))
                if name.startswith("classifier."):
                    value[list(new)] = trained[list(new)]
    return found


def interpolated(run: Trainer[Segmenter], wanted: float | str, new: Sequence[int]) -> tuple[Segmenter, str]:
    """What comes of a finished stage that keeps to a share of its way; called by all processes.

    Args:
        run: Of the stage, at the end of its schedule.
        wanted: The share, or `auto`: that of `SHARES` at which the stage's own measure on the recipe's val
            sets is highest (`best_share`). It is measured once for a schedule, then kept.
        new: See `between`.

    Returns:
        The network, and a line about it.

    Raises:
        TrainingError: What the stage began with cannot be read, or the choice not be written.
        TrainingStoppedError: It was asked to stop while it measured; nothing is chosen then.
    """
    end = run.average.model.cpu()
    tensors, _ = checkpoint.load(run.folder / START_NAME)
    start = checkpoint.unpack("model", tensors)
    before: Choice | None = run.fabric.broadcast(read_choice(run.folder))
    scores: dict[float, float] = {}
    if before is not None and (before.step, before.interpolate) == (run.step, wanted):
        share = before.share
    else:
        if wanted == AUTO:
            scores = run.fabric.broadcast(_measure(run, start, end, new))
        share = best_share(scores) if scores else float(wanted)
        told_scores = {f"{one:g}": score for one, score in scores.items()}
        _write_choice(run, Choice(run.step, wanted, share, told_scores))
    told = ", ".join(f"{one:g}: {score:.3f}" for one, score in scores.items())
    line = f"{run.stage.name}: weights {share:g} of the way from the start" + (f" ({told})" if told else "")
    return between(start, end, share, new), line


def best_share(scores: Mapping[float, float]) -> float:
    """The share with the highest score; of those that lie within `TIE` of it the largest.

    Val sets are small, and a start may have been chosen by them: what does not differ is no reason to give
    up what was learnt.
    """
    highest = max(scores.values())
    return max(share for share, score in scores.items() if score >= highest - TIE)


def _measure(
    run: Trainer[Segmenter], start: Mapping[str, torch.Tensor], end: Segmenter, new: Sequence[int]
) -> dict[float, float]:
    """The stage's score at each share; only the first process measures, and all of them may be stopped."""
    scores: dict[float, float] = {}
    for share in SHARES:
        run.stop_if_asked()
        if run.fabric.is_global_zero:
            model = between(start, end, share, new).to(run.fabric.device)
            score = run.stage.validate(model)["score"]
            scores[share] = -math.inf if math.isnan(score) else score
    return scores


def _write_choice(run: Trainer[Segmenter], choice: Choice) -> None:
    if not run.fabric.is_global_zero:
        return
    path = run.folder / CHOICE_NAME
    try:
        replace_file(path, json.dumps(asdict(choice), indent=1).encode())
    except OSError as error:
        raise TrainingError(f"{path}: cannot write which weights were taken ({error})") from error


def read_choice(folder: Path) -> Choice | None:
    """What was taken of a stage; None: its end."""
    try:
        found = json.loads((folder / CHOICE_NAME).read_text(encoding="utf-8"))
        return Choice(**found) if isinstance(found["share"], float) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def taken(recipe: Recipe, folders: RunDirectory) -> Choice | None:
    """The same of a run's segmenter; None too where the recipe asks for no share of its way."""
    asks = recipe.segment.interpolate != 1 and "segment" in recipe.stages
    return read_choice(folders.stage("segment")) if asks else None
