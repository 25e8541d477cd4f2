"""Pictures without labels join where the discriminator believes the segmenter."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor

from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import DiscriminatorRecipe, SemiRecipe
from streamseg.training.networks.checkpoint_networks import new_segmenter
from streamseg.training.stages.semi_supervised import SemiStage


@pytest.fixture
def stage(recipe: Recipe, pictures: Path) -> SemiStage:
    data = recipe.data.model_copy(update={"unlabelled": [pictures / "val/images"]})
    settings = SemiRecipe(epochs=1, weight=0.5, critic=DiscriminatorRecipe(warmup_steps=2))
    free = recipe.model_copy(update={"data": data, "semi": settings})
    torch.manual_seed(0)
    return SemiStage(free, new_segmenter(free, pretrained=False))


def believing(stage: SemiStage, belief: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.judging, "believes", lambda _: belief)


def test_a_batch_has_as_many_without_labels_as_with(stage: SemiStage) -> None:
    image, label, free, outside = next(stage.batches(0))
    assert image.shape == free.shape
    assert label.shape == outside.shape
    assert set(outside.unique().tolist()) <= {0, 255}


def test_only_believed_cells_count_with_the_networks_own_label(
    stage: SemiStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    stage.step, logits = 2, torch.randn(1, 3, 2, 2)
    belief = torch.tensor([[0.9, 0.1], [0.9, 0.1]]).view(1, 1, 2, 2)
    inside = torch.tensor([[[True, True], [False, True]]])
    believing(stage, belief, monkeypatch)
    terms = stage._from_free(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), logits, inside)
    own = F.cross_entropy(logits[:, :, 0, 0], logits[:, :, 0, 0].argmax(1))
    assert terms["semi"].item() == pytest.approx(0.5 * own.item())
    assert stage.noted["believed"].item() == pytest.approx(0.25)
    assert terms["pass"].item() > 0


def test_nobody_believed_is_nothing_to_learn(stage: SemiStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.step = 2
    believing(stage, torch.zeros(1, 1, 2, 2), monkeypatch)
    inside = torch.ones(1, 2, 2, dtype=torch.bool)
    logits = torch.randn(1, 3, 2, 2)
    assert stage._from_free(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), logits, inside)["semi"].item() == 0


def test_a_new_critic_is_not_believed(stage: SemiStage) -> None:
    terms = stage.losses(next(stage.batches(0)))
    assert terms["semi"].item() == 0
    assert "pass" not in terms
    assert {"ce", "fool"} <= set(terms)
