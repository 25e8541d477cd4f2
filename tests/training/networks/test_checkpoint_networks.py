"""A run may begin from another one's networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from streamseg.errors import TrainingError
from streamseg.networks.discriminator import SpatialDiscriminator
from streamseg.training.config.recipe import Recipe
from streamseg.training.loop import checkpoint
from streamseg.training.networks.checkpoint_networks import (
    Networks,
    first_networks,
    load_networks,
    new_segmenter,
)


def saved(folder: Path, **networks: torch.nn.Module) -> Path:
    tensors: dict[str, torch.Tensor] = {}
    for name, network in networks.items():
        tensors |= checkpoint.pack(name, network.state_dict())
    checkpoint.save(folder / "checkpoint.safetensors", tensors, {"step": 1})
    return folder


def test_the_averaged_segmenter_and_its_critic(recipe: Recipe, tmp_path: Path) -> None:
    segmenter, critic = new_segmenter(recipe, pretrained=False), SpatialDiscriminator(3)
    other = new_segmenter(recipe, pretrained=False)
    networks = load_networks(recipe, saved(tmp_path, model=other, average=segmenter, critic=critic))
    assert networks.segmenter is not None
    assert networks.critic is not None
    assert torch.equal(networks.segmenter.classifier.weight, segmenter.classifier.weight)
    loaded = zip(networks.critic.parameters(), critic.parameters(), strict=True)
    assert all(torch.equal(one, another) for one, another in loaded)
    assert networks.stabiliser is None
    with pytest.raises(TrainingError, match="there is no segmenter yet: begin with the stage segment"):
        Networks().need_segmenter()


def test_a_stage_without_a_critic_has_none(recipe: Recipe, tmp_path: Path) -> None:
    networks = load_networks(recipe, saved(tmp_path, average=new_segmenter(recipe, pretrained=False)))
    assert networks.critic is None


def test_no_checkpoint_and_another_network_are_said(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"start: .*nowhere holds no checkpoint and no package: train"):
        load_networks(recipe, tmp_path / "nowhere")
    with pytest.raises(TrainingError, match="made by another recipe"):
        load_networks(recipe, saved(tmp_path, average=torch.nn.Linear(2, 2)))


def test_of_several_starts_the_mean_of_all_weights_and_statistics(recipe: Recipe, tmp_path: Path) -> None:
    segmenters, starts = [], []
    for index in range(3):
        segmenter = new_segmenter(recipe, pretrained=False).train()
        segmenter(torch.full((1, 3, 48, 64), 80 * index, dtype=torch.uint8))  # statistics of their own
        (tmp_path / str(index)).mkdir()
        segmenters.append(segmenter)
        starts.append(saved(tmp_path / str(index), average=segmenter))
    mean = first_networks(recipe.model_copy(update={"start": starts})).need_segmenter().state_dict()
    states = [segmenter.state_dict() for segmenter in segmenters]
    for name, weights in mean.items():
        if weights.dtype.is_floating_point:
            expected = torch.stack([state[name] for state in states]).mean(0)
            torch.testing.assert_close(weights, expected, msg=name)
    assert any(name.endswith("running_mean") for name in mean)


def test_without_a_start_there_is_nothing_yet(recipe: Recipe) -> None:
    assert first_networks(recipe) == Networks()


def test_one_start_keeps_its_critic(recipe: Recipe, tmp_path: Path) -> None:
    critic = SpatialDiscriminator(3)
    start = saved(tmp_path, average=new_segmenter(recipe, pretrained=False), critic=critic)
    assert first_networks(recipe.model_copy(update={"start": start})).critic is not None
