"""Train the per-frame segmenter with the losses its recipe names."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from streamseg.networks.segmenter import Segmenter
from streamseg.training import losses
from streamseg.training.augment.copy_paste import paste_object
from streamseg.training.augment.moving_objects import find_thing
from streamseg.training.augment.transforms import augment
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import SegmentRecipe
from streamseg.training.data.dataset import Dataset, val_datasets
from streamseg.training.data.label_space import LabelSpace
from streamseg.training.data.loader import Sample, batches
from streamseg.training.data.train_pictures import TrainPictures
from streamseg.training.evaluation import metrics
from streamseg.training.loop.amp import autocast
from streamseg.training.loop.base import Schedule, TrainingStage
from streamseg.training.loop.distributed import ALONE, Share
from streamseg.training.networks.checkpoint_networks import new_segmenter
from streamseg.training.networks.distillation import Teacher
from streamseg.types import U8


class SegmentStage(TrainingStage[Segmenter]):
    """Supervised losses on augmented pictures, AdamW, in the channels-last layout."""

    name = "segment"

    def __init__(
        self, recipe: Recipe, settings: SegmentRecipe | None = None, segmenter: Segmenter | None = None
    ) -> None:
        """Find the data and build the network.

        Args:
            recipe: The run.
            settings: None: the recipe's.
            segmenter: To go on from; None: a new one.

        Raises:
            TrainingError: The data cannot be used, the encoder's weights are not installed, or there is no
                such teacher.
        """
        super().__init__()
        self.recipe, self.settings, self.seed = recipe, settings or recipe.segment, recipe.seed
        self.train, self.val = TrainPictures(recipe), val_datasets(recipe)
        self.pasted = recipe.class_ids(self.settings.paste_classes)
        self.donors = [place for place in range(len(self.train)) if self._has_thing(place)]
        torch.manual_seed(recipe.seed)
        self.model = segmenter or new_segmenter(recipe, pretrained=self.settings.pretrained)
        members = members_of(self.train.space)
        self.weights = losses.class_weights(
            torch.from_numpy(self.train.shares()).float(), members, self._factors()
        )
        self.terms = losses.terms(self.weights, members)
        per_epoch = max(len(self.train) // self.settings.batch, 1)
        lessons = self.settings.teacher
        self.teacher = Teacher(lessons, recipe) if lessons else None
        self.schedule = Schedule(self.settings.epochs * per_epoch, self.settings.warmup_steps)
        self.validate_every = self.settings.validate_every * per_epoch
        self.ema_decay = self.settings.ema_decay

    def _factors(self) -> Tensor:
        factors = torch.ones(len(self.recipe.classes))
        for name, factor in self.settings.emphasis.items():
            factors[self.recipe.class_ids([name])] = factor
        return factors

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Encoder and decoder at their own rates; normalisation and biases without weight decay."""
        groups: list[dict[str, Any]] = []
        rates = {True: self.settings.lr_encoder, False: self.settings.lr_decoder}
        for pretrained, lr in rates.items():
            part = [p for n, p in self.model.named_parameters() if n.startswith("encoder.") is pretrained]
            groups += [
                {
                    "params": [p for p in part if p.dim() > 1],
                    "lr": lr,
                    "weight_decay": self.settings.weight_decay,
                },
                {"params": [p for p in part if p.dim() <= 1], "lr": lr, "weight_decay": 0.0},
            ]
        return groups

    def batches(self, first_step: int, share: Share = ALONE) -> Iterator[Any]:
        """Pictures `[N, 3, H, W]` uint8 and labels `[N, H, W]` uint8."""
        order = self.train.order(self.seed)
        size, steps = self.settings.batch, self.schedule.steps
        return batches(order, self._sample, batch=size, first_step=first_step, steps=steps, share=share)

    def _sample(self, index: int, rng: np.random.Generator) -> Sample:
        image, label = self.train.read(index)
        if self.pasted and rng.random() < self.settings.augment.paste:
            image, label = self._with_a_thing(image, label, index, rng)
        image, label = augment(image, label, self.settings.augment, self.recipe.size, rng)
        return torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(label)

    def _has_thing(self, place: int) -> bool:
        """Whether a picture has something to paste elsewhere; few do where a class is rare."""
        if not (self.pasted and self.settings.augment.paste):
            return False
        label = self.train.label(place)
        return find_thing(label, self.pasted, np.random.default_rng(0)) is not None

    def _with_a_thing(self, image: U8, label: U8, index: int, rng: np.random.Generator) -> tuple[U8, U8]:
        """A picture with a thing of another one in it; as it is where no other has any."""
        others = [place for place in self.donors if place != index]
        if not others:
            return image, label
        donor = self.train.read(int(rng.choice(others)))
        return paste_object(image, label, donor, self.pasted, rng)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """The recipe's terms of one batch, each under its name."""
        image, label = batch
        return self.supervised(image, self.model(image), label)

    def supervised(self, image: Tensor, logits: Tensor, label: Tensor) -> dict[str, Tensor]:
        """The recipe's terms of pictures `[N, 3, H, W]`, logits `[N, C, h, w]` and labels `[N, H, W]`."""
        terms: dict[str, Tensor] = {
            name: weight * self.terms[name](logits, label) for name, weight in self.settings.losses.items()
        }
        if self.teacher is not None:
            terms["teacher"] = self.teacher.loss(image, logits)
        return terms

    def validate(self, model: Segmenter) -> dict[str, float]:
        """MIoU on each val set in its own labels; their mean is the score."""
        classes = [c.name for c in self.recipe.classes]
        found = {n: validate_segmenter(model, d, classes, self.recipe.size) for n, d in self.val.items()}
        main, *others = found
        return {
            "score": statistics.fmean(one.mean_iou for one in found.values()),
            "miou": found[main].mean_iou,
            "accuracy": found[main].accuracy,
            **{f"miou {name}": found[name].mean_iou for name in others},
        }


def members_of(space: LabelSpace) -> Tensor | None:
    """Which classes each label may be, bool `[L, C]`; None where every label is one class."""
    return torch.from_numpy(space.members()) if space.groups else None


@torch.inference_mode()
def validate_segmenter(
    model: nn.Module, data: Dataset, classes: Sequence[str], size_wh: tuple[int, int]
) -> metrics.Confusion:
    """Confusion of a segmenter over pictures at the network's size, at label resolution.

    Args:
        model: In evaluation mode.
        data: The pictures.
        classes: Names of the network's classes.
        size_wh: Of the network's picture, pixels.

    Returns:
        In the labels of the pictures.
    """
    data = data.matched(classes)
    confusion, device = metrics.Confusion(len(data.classes(classes))), next(model.parameters()).device
    for pair in data.pairs:
        image, label = data.read(pair, len(classes))
        image = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
        with autocast(device.type):
            logits = model(torch.from_numpy(image).permute(2, 0, 1)[None].to(device))
        full = nn.functional.interpolate(
            logits.float(), size=label.shape, mode="bilinear", align_corners=False
        )
        found = full.argmax(1)[0].to(torch.uint8).numpy(force=True)
        confusion.add(label, found if data.map is None else data.map.measured(found, label))
    return confusion
