"""Weights between where a network began and where training took it (WiSE-FT, Wortsman et al. 2022).

Fine-tuned networks do better at what they were tuned on and worse at what they knew before. On the line
between the two lie networks that give back part of the one for most of the other.

    runs/<name>/segment/start.safetensors     what the stage began with
    runs/<name>/segment/interpolation.json    which share of the way was taken, and why
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from streamseg.models.segmenter import Segmenter
from streamseg.training import checkpoint
from streamseg.training.fit import Run

START_NAME = "start.safetensors"
CHOICE_NAME = "interpolation.json"
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of the way that `auto` compares
AUTO = "auto"


def keep_start(model: Segmenter, folder: Path) -> None:
    """Keep what a stage begins with; what a stage that goes on began with stays.

    Raises:
        TrainingError: The disk is full or not writable.
    """
    if not (folder / START_NAME).exists():
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


def interpolated(run: Run[Segmenter], wanted: float | str, new: Sequence[int]) -> tuple[Segmenter, str]:
    """What comes of a finished stage that keeps to a share of its way.

    Args:
        run: Of the stage, at the end of its schedule.
        wanted: The share, or `auto`: that of `SHARES` at which the stage's own measure on the recipe's val
            sets is highest; of equal ones the largest. It is measured once for a schedule, then kept.
        new: See `between`.

    Returns:
        The network, and a line about it.

    Raises:
        TrainingError: What the stage began with cannot be read.
    """
    end = run.average.model.cpu()
    tensors, _ = checkpoint.load(run.folder / START_NAME)
    start = checkpoint.unpack("model", tensors)
    known = _read_choice(run.folder, run.step, wanted)
    scores: dict[str, float] = {}
    if known is None and run.fabric.is_global_zero:
        known, scores = _choose(run, start, end, wanted, new)
        _write_choice(run.folder, run.step, wanted, known, scores)
    share: float = run.fabric.broadcast(known or 1.0)  # only the first process measures
    told = ", ".join(f"{one} {score:.3f}" for one, score in scores.items())
    line = f"{run.stage.name}: weights {share:g} of the way from the start" + (f" ({told})" if told else "")
    return between(start, end, share, new), line


def _choose(
    run: Run[Segmenter],
    start: Mapping[str, torch.Tensor],
    end: Segmenter,
    wanted: float | str,
    new: Sequence[int],
) -> tuple[float, dict[str, float]]:
    if wanted != AUTO:
        return float(wanted), {}
    scores = {share: run.stage.validate(between(start, end, share, new))["score"] for share in SHARES}
    best = max(SHARES, key=lambda share: (scores[share], share))
    return best, {f"{share:g}": score for share, score in scores.items()}


def _write_choice(
    folder: Path, step: int, wanted: float | str, share: float, scores: Mapping[str, float]
) -> None:
    choice = {"step": step, "interpolate": wanted, "share": share, "scores": dict(scores)}
    (folder / CHOICE_NAME).write_text(json.dumps(choice, indent=1), encoding="utf-8")


def _read_choice(folder: Path, step: int, wanted: float | str) -> float | None:
    """The share taken before, for as many steps and the same wish; None: it is to be chosen."""
    choice = read_choice(folder)
    same = choice is not None and (choice.get("step"), choice.get("interpolate")) == (step, wanted)
    return float(str(choice["share"])) if same and choice is not None else None


def read_choice(folder: Path) -> dict[str, object] | None:
    """What was taken of a stage: `share` and, where several were compared, `scores`; None: its end."""
    try:
        choice: dict[str, object] = json.loads((folder / CHOICE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return choice if isinstance(choice.get("share"), float) else None
