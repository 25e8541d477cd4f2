"""What `--fresh` deletes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe
from streamseg.training.loop import checkpoint
from streamseg.training.loop.fresh import STAGES, discard, stages_to_discard
from streamseg.training.loop.run_dir import RunDirectory


def test_a_stage_takes_those_after_it_along(recipe: Recipe) -> None:
    assert stages_to_discard(recipe, "segment") == ["segment", "stabilise"]
    assert stages_to_discard(recipe, "stabilise") == ["stabilise"]
    assert stages_to_discard(recipe, None) == STAGES
    with pytest.raises(TrainingError, match=r"--fresh semi: .* \(stages: segment, stabilise\)"):
        stages_to_discard(recipe, "semi")


def test_only_what_the_trainer_wrote_goes_and_it_is_said(tmp_path: Path) -> None:
    folders = RunDirectory(tmp_path, "tiny")
    for stage in ("segment", "stabilise"):
        path = folders.stage(stage) / "checkpoint.safetensors"
        checkpoint.save(path, {"x": torch.zeros(1)}, {"step": 7})
        path.with_suffix(".part").write_bytes(b"")
        for name in ("log.jsonl", "start.safetensors", "interpolation.json"):
            (folders.stage(stage) / name).write_text("")
    (folders.stage("segment") / "notes.txt").write_text("mine")
    folders.report.write_text("")
    assert discard(folders, STAGES) == [
        f"--fresh: deleted what {stage} had learnt (7 steps, {folders.stage(stage)})"
        for stage in ("segment", "stabilise")
    ]
    left = sorted(str(path.relative_to(folders.run)) for path in folders.run.rglob("*"))
    assert left == ["report.html", "segment", "segment/notes.txt"]
    assert discard(folders, ["stabilise"]) == []
