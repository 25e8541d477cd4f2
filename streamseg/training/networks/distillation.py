"""Larger networks, trained before, at the side of the one that learns."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from pydantic import ValidationError
from torch import Tensor

from streamseg.errors import TrainingError
from streamseg.networks.segmenter import Segmenter
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import SegmentRecipe, TeacherRecipe
from streamseg.training.loop.amp import autocast
from streamseg.training.losses import distillation
from streamseg.training.networks.checkpoint_networks import load_networks


class Teacher:
    """Scores the very crops the student learns from, augmentation and all (Beyer et al. 2022).

    Several networks teach by the mean of their probabilities (Hinton et al. 2015, §5).
    """

    def __init__(self, settings: TeacherRecipe, recipe: Recipe) -> None:
        """Load what it is made of.

        Args:
            settings: Where that is, and how it is shown pictures.
            recipe: The student's; its classes are the teacher's too.

        Raises:
            TrainingError: Some network is not there, or was made for other classes.
        """
        self._settings = settings
        self._networks = [_load(stage, recipe) for stage in settings.stages]

    def loss(self, image: Tensor, logits: Tensor) -> Tensor:
        """The student's for scoring pictures `[N, 3, H, W]` otherwise, in logits `[N, C, h, w]`; weighted."""
        apart = distillation(logits, self(image), self._settings.temperature)
        return self._settings.weight * apart

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor:
        """Logits `[N, C, h, w]` of pictures `[N, 3, H, W]`, RGB uint8."""
        seen = image.float()
        if (scale := self._settings.scale) > 1:
            seen = F.interpolate(seen, scale_factor=scale, mode="bilinear", align_corners=False)
        with autocast(image.device.type):
            each = [network.to(image.device)(seen) for network in self._networks]
        return torch.stack([logits.float().log_softmax(1) for logits in each]).logsumexp(0)


def _load(stage: Path, recipe: Recipe) -> Segmenter:
    made = recipe.model_copy(update={"segment": _made_by(stage, recipe)})
    return load_networks(made, stage).need_segmenter().eval().requires_grad_(requires_grad=False)


def _made_by(stage: Path, recipe: Recipe) -> SegmentRecipe:
    """The settings of the network's own run."""
    path = stage / "recipe.json"
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        names, settings = [c["name"] for c in made["classes"]], SegmentRecipe.model_validate(made["segment"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise TrainingError(
            f"segment.teacher: {path} does not describe a run: train the teacher first, or name another"
        ) from error
    if names != [c.name for c in recipe.classes]:
        raise TrainingError(f"segment.teacher: {stage} was made for other classes: {', '.join(names)}")
    return settings
