"""The adversarial stage: two that learn from each other in one step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import AdversarialRecipe, DiscriminatorRecipe
from streamseg.training.loop.step_log import read_log
from streamseg.training.loop.trainer import Trainer
from streamseg.training.networks.checkpoint_networks import new_segmenter
from streamseg.training.stages.adversarial import AdversarialStage
from streamseg.training.stages.segment import SegmentStage


@pytest.fixture
def judged(recipe: Recipe) -> Recipe:
    settings = AdversarialRecipe(epochs=2, critic=DiscriminatorRecipe(weight=0.1, warmup_steps=4))
    return recipe.model_copy(update={"stages": ["segment", "adversarial"], "adversarial": settings})


@pytest.fixture
def stage(judged: Recipe) -> AdversarialStage:
    torch.manual_seed(0)
    return AdversarialStage(judged, new_segmenter(judged, pretrained=False))


def test_both_learn_and_the_log_tells_how(stage: AdversarialStage, tmp_path: Path) -> None:
    before = {name: p.clone() for name, p in stage.critic.named_parameters()}
    Trainer(stage, tmp_path).fit()
    steps = [entry for entry in read_log(tmp_path) if "ce" in entry]
    assert [step["fool"] > 0 for step in steps] == [False] * 4 + [True] * 4
    assert all(0 <= step["critic_accuracy"] <= 1 and step["critic"] > 0 for step in steps)
    assert steps[-1]["loss"] == pytest.approx(steps[-1]["ce"] + steps[-1]["fool"], abs=1e-5)
    assert all(not torch.equal(p, before[name]) for name, p in stage.critic.named_parameters())


def test_a_stopped_run_goes_on_with_both(judged: Recipe, tmp_path: Path) -> None:
    def run(folder: str, stop_after: int | None = None) -> AdversarialStage:
        torch.manual_seed(0)
        stage = AdversarialStage(judged, new_segmenter(judged, pretrained=False))
        Trainer(stage, tmp_path / folder).fit(stop_after=stop_after)
        return stage

    whole = run("whole")
    run("parted", stop_after=5)
    parted = run("parted")
    assert read_log(tmp_path / "parted") == read_log(tmp_path / "whole")
    for one, other in zip(whole.critic.parameters(), parted.critic.parameters(), strict=True):
        assert torch.equal(one, other)


def test_pictures_losses_and_network_are_those_of_segment(judged: Recipe, stage: AdversarialStage) -> None:
    plain = SegmentStage(judged)
    assert stage.settings.losses == plain.settings.losses
    assert stage.settings.lr_encoder == judged.adversarial.lr_encoder
    assert stage.schedule.steps == 2 * len(stage.train) // plain.settings.batch
    assert not torch.equal(next(stage.batches(0))[0], next(plain.batches(0))[0]), "other crops"


def test_a_critic_given_is_gone_on_with(judged: Recipe, stage: AdversarialStage) -> None:
    assert AdversarialStage(judged, stage.model, stage.critic).critic is stage.critic
