"""`--fresh`: stages of a run begin anew; of their folders only what the trainer wrote is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import StageName
from streamseg.training.export.lineage import CHECKPOINT_NAME, RECORD_NAME
from streamseg.training.loop import checkpoint
from streamseg.training.loop.run_dir import RunDirectory
from streamseg.training.networks.interpolation import CHOICE_NAME, START_NAME

STAGES: tuple[StageName, ...] = get_args(StageName)
_KEPT_BY_A_STAGE = (
    CHECKPOINT_NAME, "best.safetensors", "log.jsonl", RECORD_NAME, START_NAME, CHOICE_NAME,
)  # fmt: skip


def stages_to_discard(recipe: Recipe, first: StageName | None) -> Sequence[StageName]:
    """Which stages begin anew: `first` and those that go on from it; None: whatever there is.

    Raises:
        TrainingError: The recipe has no such stage.
    """
    if first is None:
        return STAGES
    if first not in recipe.stages:
        raise TrainingError(
            f"--fresh {first}: the recipe has no such stage (stages: {', '.join(recipe.stages)})"
        )
    return recipe.stages[recipe.stages.index(first) :]


def discard(folders: RunDirectory, stages: Sequence[StageName]) -> list[str]:
    """Delete what these stages kept; what was deleted, a line each."""
    found = [(name, folders.stage(name)) for name in stages if folders.stage(name).is_dir()]
    return [f"--fresh: deleted what {name} had learnt ({_discard(folder)})" for name, folder in found]


def _discard(folder: Path) -> str:
    step = checkpoint.load_counters(folder / CHECKPOINT_NAME).get("step", 0)
    for name in _KEPT_BY_A_STAGE:
        (folder / name).unlink(missing_ok=True)
        (folder / name).with_suffix(".part").unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
    return f"{step} steps, {folder}"
