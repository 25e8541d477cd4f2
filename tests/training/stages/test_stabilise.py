"""The stabiliser's stage: learns on a frozen segmenter, measured as a clip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from streamseg.networks.rnn import RNNStabiliser
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import DiscriminatorRecipe
from streamseg.training.loop.step_log import read_log
from streamseg.training.loop.trainer import Trainer
from streamseg.training.networks.checkpoint_networks import new_segmenter
from streamseg.training.stages.stabilise import StabiliseStage, _pairs, _same, _unsure


@pytest.fixture
def stage(recipe: Recipe) -> StabiliseStage:
    torch.manual_seed(0)
    return StabiliseStage(recipe, new_segmenter(recipe, pretrained=False))


def test_a_run_logs_both_losses_and_steadiness(stage: StabiliseStage, tmp_path: Path) -> None:
    run = Trainer(stage, tmp_path / "run")
    run.fit()
    assert {"ce", "warp"} <= set(read_log(tmp_path / "run")[0])
    assert {"miou", "flicker", "temporal_iou"} <= set(run.history[-1])


def test_the_plain_recurrence_learns_in_the_same_stage(recipe: Recipe, tmp_path: Path) -> None:
    plain = recipe.model_copy(update={"stabilise": recipe.stabilise.model_copy(update={"cell": "rnn"})})
    stage = StabiliseStage(plain, new_segmenter(plain, pretrained=False))
    assert isinstance(stage.model, RNNStabiliser)
    before = stage.model.past.weight.clone()
    run = Trainer(stage, tmp_path / "run")
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


def test_a_pair_is_a_map_and_the_one_before_it_carried_along() -> None:
    first, second = torch.rand(2, 1, 3, 6, 8)
    flow = torch.zeros(1, 2, 2, 6, 8)
    flow[:, 1, 0] = 1.0  # the second frame shows what was one cell to the right
    now, before = _pairs([first, second], flow)
    assert torch.equal(now, second)
    assert torch.allclose(before[..., :-1], first[..., 1:], atol=1e-5)
    assert torch.allclose(before[..., -1], torch.zeros(()), atol=1e-5)


def test_only_what_the_earlier_frame_showed_is_the_same() -> None:
    flow, known = torch.zeros(2, 3, 2, 6, 8), torch.ones(2, 3, 1, 6, 8, dtype=torch.bool)
    flow[0, 1, 0], known[1, 2, 0, 0] = 1.0, False
    same = _same(flow, known)
    assert same.shape == (4, 1, 6, 8)  # the pairs of the first step, then those of the second
    assert same.flatten(1).sum(1).tolist() == [6 * 7, 6 * 8, 6 * 8, 5 * 8]


def test_a_critic_learns_beside_and_is_listened_to_after_its_warm_up(recipe: Recipe) -> None:
    critic = DiscriminatorRecipe(weight=0.5, warmup_steps=2)
    judged = recipe.model_copy(update={"stabilise": recipe.stabilise.model_copy(update={"critic": critic})})
    stage = StabiliseStage(judged, new_segmenter(judged, pretrained=False))
    batch = next(stage.batches(0))
    assert stage.losses(batch)["fool"].item() == 0
    stage.step = 2
    fool = stage.losses(batch)["fool"]
    assert fool.item() > 0
    fool.backward()  # type: ignore[no-untyped-call]
    assert stage.critic is not None
    assert all(p.grad is None for p in stage.critic.parameters())
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in stage.model.parameters())
    assert stage.critic_losses(batch)["critic"].item() > 0
    assert 0 <= stage.noted["critic_accuracy"].item() <= 1
    assert len(stage.critic_groups()[0]["params"]) == len(list(stage.critic.parameters()))


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


def test_stills_are_measured_each_without_a_past(recipe: Recipe) -> None:
    data = recipe.data.model_copy(update={"val_is_clip": False})
    stage = StabiliseStage(recipe.model_copy(update={"data": data}), new_segmenter(recipe, pretrained=False))
    torch.nn.init.normal_(stage.model.state_dict()["candidate.weight"], std=0.5)
    forwards = stage.validate(stage.model)
    assert set(forwards) == {"score", "miou"}, "flicker of stills is nobody's figure"
    stage.val = replace(stage.val, pairs=stage.val.pairs[::-1])
    assert stage.validate(stage.model) == forwards, "whatever came before"
