"""The stabiliser's stage: learns on a frozen segmenter, measured as a clip."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from streamseg.models.rnn import RNNStabiliser
from streamseg.training.fit import Run, read_log
from streamseg.training.recipe import Recipe
from streamseg.training.segment import new_segmenter
from streamseg.training.stabilise import StabiliseStage, _unsure


@pytest.fixture
def stage(recipe: Recipe) -> StabiliseStage:
    torch.manual_seed(0)
    return StabiliseStage(recipe, new_segmenter(recipe, pretrained=False))


def test_a_run_logs_both_losses_and_steadiness(stage: StabiliseStage, tmp_path: Path) -> None:
    run = Run(stage, tmp_path / "run")
    run.fit()
    assert {"ce", "warp"} <= set(read_log(tmp_path / "run")[0])
    assert {"miou", "flicker", "temporal_iou"} <= set(run.history[-1])


def test_the_plain_recurrence_learns_in_the_same_stage(recipe: Recipe, tmp_path: Path) -> None:
    plain = recipe.model_copy(update={"stabilise": recipe.stabilise.model_copy(update={"cell": "rnn"})})
    stage = StabiliseStage(plain, new_segmenter(plain, pretrained=False))
    assert isinstance(stage.model, RNNStabiliser)
    before = stage.model.past.weight.clone()
    run = Run(stage, tmp_path / "run")
    run.fit()
    assert not torch.equal(stage.model.past.weight, before)
    assert {"miou", "flicker", "temporal_iou"} <= set(run.history[-1])


def test_the_segmenter_does_not_learn(stage: StabiliseStage) -> None:
    before = {name: p.clone() for name, p in stage.segmenter.state_dict().items()}
    losses = stage.losses(next(stage.batches(0)))
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    assert all(torch.equal(p, before[name]) for name, p in stage.segmenter.state_dict().items())
    assert all(p.grad is None for p in stage.segmenter.parameters())
    assert all(p.grad is not None for p in stage.model.parameters())


def test_consistency_is_nothing_where_nothing_changes(stage: StabiliseStage) -> None:
    some = torch.randn(2, 3, 12, 16).softmax(1)
    other = some.flip(1)
    still = torch.zeros(2, 3, 2, 12, 16)
    known = torch.ones(2, 3, 1, 12, 16, dtype=torch.bool)
    assert stage._consistency([some, some, some], still, known).item() == pytest.approx(0, abs=1e-6)
    assert stage._consistency([some, other, some], still, known).item() > 0.1
    assert stage._consistency([some, other, some], still, known & False).item() == 0


def test_unsure_scores_are_flatter_and_differ_from_frame_to_frame() -> None:
    torch.manual_seed(0)
    sure = torch.zeros(8, 4, 3, 12, 16)
    sure[:, :, 1] = 9.0
    unsure = _unsure(sure, 1.0)
    assert unsure.shape == sure.shape
    assert unsure.softmax(2)[:, :, 1].mean() < sure.softmax(2)[:, :, 1].mean()
    assert (unsure[:, 1:] - unsure[:, :-1]).abs().mean() > 0.1
    across, over_time = unsure.diff(dim=4).abs().mean(), unsure.diff(dim=1).abs().mean()
    assert across < over_time / 2, "errors come in patches"
    assert torch.equal(_unsure(sure, 0.0), sure)
