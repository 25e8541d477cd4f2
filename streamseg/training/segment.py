"""Train the per-frame segmenter with the losses its recipe names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from streamseg.models.segmenter import Segmenter
from streamseg.training import losses, metrics
from streamseg.training.augment import augment
from streamseg.training.collage import paste_thing
from streamseg.training.data import (
    Labelling,
    Pair,
    class_shares,
    find_pairs,
    labelling_of,
    read_label,
    read_pair,
)
from streamseg.training.loader import Order, Sample, batches
from streamseg.training.movers import find_thing
from streamseg.training.networks import new_segmenter
from streamseg.training.precision import autocast
from streamseg.training.processes import ALONE, Share
from streamseg.training.recipe import Recipe
from streamseg.training.stage import Schedule, Stage
from streamseg.training.stage_recipes import SegmentRecipe
from streamseg.training.teacher import Teacher
from streamseg.types import U8


class SegmentStage(Stage[Segmenter]):
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
        self.labelling = labelling_of(recipe)
        self.train, self.val = find_pairs(recipe.data.train), find_pairs(recipe.data.val)
        self.pasted = recipe.class_ids(self.settings.paste_classes)
        self.donors = [place for place in range(len(self.train)) if self._has_thing(place)]
        torch.manual_seed(recipe.seed)
        self.model = segmenter or new_segmenter(recipe, pretrained=self.settings.pretrained)
        shares = torch.from_numpy(class_shares(self.train, self.labelling)).float()
        self.weights = losses.class_weights(shares)
        for name, factor in self.settings.emphasis.items():
            self.weights[recipe.class_ids([name])] *= factor
        self.terms = losses.terms(self.weights)
        per_epoch = max(len(self.train) // self.settings.batch, 1)
        lessons = self.settings.teacher
        self.teacher = Teacher(lessons, recipe) if lessons else None
        self.schedule = Schedule(self.settings.epochs * per_epoch, self.settings.warmup_steps)
        self.validate_every = self.settings.validate_every * per_epoch
        self.ema_decay = self.settings.ema_decay

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
        order = Order(len(self.train), self.seed)
        size, steps = self.settings.batch, self.schedule.steps
        return batches(order, self._sample, batch=size, first_step=first_step, steps=steps, share=share)

    def _sample(self, index: int, rng: np.random.Generator) -> Sample:
        image, label = read_pair(self.train[index], self.labelling)
        if self.pasted and rng.random() < self.settings.augment.paste:
            image, label = self._with_a_thing(image, label, index, rng)
        image, label = augment(image, label, self.settings.augment, self.recipe.size, rng)
        return torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(label)

    def _has_thing(self, place: int) -> bool:
        """Whether a picture has something to paste elsewhere; few do where a class is rare."""
        if not (self.pasted and self.settings.augment.paste):
            return False
        label = read_label(self.train[place].label, self.labelling)
        return find_thing(label, self.pasted, np.random.default_rng(0)) is not None

    def _with_a_thing(self, image: U8, label: U8, index: int, rng: np.random.Generator) -> tuple[U8, U8]:
        """A picture with a thing of another one in it; as it is where no other has any."""
        others = [place for place in self.donors if place != index]
        if not others:
            return image, label
        donor = read_pair(self.train[rng.choice(others)], self.labelling)
        return paste_thing(image, label, donor, self.pasted, rng)

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
        """MIoU on the val pictures; it is the score."""
        confusion = validate_segmenter(model, self.val, self.labelling, self.recipe.size)
        return {"score": confusion.mean_iou, "miou": confusion.mean_iou, "accuracy": confusion.accuracy}


@torch.inference_mode()
def validate_segmenter(
    model: nn.Module, pairs: Sequence[Pair], labelling: Labelling, size_wh: tuple[int, int]
) -> metrics.Confusion:
    """Confusion of a segmenter over pictures at the network's size, at label resolution."""
    confusion, device = metrics.Confusion(labelling.classes), next(model.parameters()).device
    for pair in pairs:
        image, label = read_pair(pair, labelling)
        image = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
        with autocast(device.type):
            logits = model(torch.from_numpy(image).permute(2, 0, 1)[None].to(device))
        full = nn.functional.interpolate(
            logits.float(), size=label.shape, mode="bilinear", align_corners=False
        )
        confusion.add(label, full.argmax(1)[0].to(torch.uint8).numpy(force=True))
    return confusion
