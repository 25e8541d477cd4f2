"""A larger network, trained before, at the side of the one that learns."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from pydantic import ValidationError
from torch import Tensor

from streamseg.errors import TrainingError
from streamseg.models.segmenter import Segmenter
from streamseg.training.losses import distillation
from streamseg.training.networks import load_networks
from streamseg.training.precision import autocast
from streamseg.training.recipe import Recipe
from streamseg.training.stage_recipes import SegmentRecipe, TeacherRecipe


class Teacher:
    """Scores the very crops the student learns from, augmentation and all (Beyer et al. 2022)."""

    def __init__(self, settings: TeacherRecipe, recipe: Recipe) -> None:
        """Load it.

        Args:
            settings: Where it is, and how it is shown pictures.
            recipe: The student's; its classes are the teacher's too.

        Raises:
            TrainingError: It is not there, or was made for other classes.
        """
        self._settings = settings
        taught = recipe.model_copy(update={"segment": _made_by(settings.stage, recipe)})
        self._network: Segmenter = load_networks(taught, settings.stage).need_segmenter()
        self._network.eval().requires_grad_(requires_grad=False)

    def loss(self, image: Tensor, logits: Tensor) -> Tensor:
        """The student's for scoring pictures `[N, 3, H, W]` otherwise, in logits `[N, C, h, w]`; weighted."""
        apart = distillation(logits, self(image), self._settings.temperature)
        return self._settings.weight * apart

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor:
        """Logits `[N, C, h, w]` of pictures `[N, 3, H, W]`, RGB uint8."""
        network = self._network.to(image.device)
        seen = image.float()
        if (scale := self._settings.scale) > 1:
            seen = F.interpolate(seen, scale_factor=scale, mode="bilinear", align_corners=False)
        with autocast(image.device.type):
            logits: Tensor = network(seen)
        return logits.float()


def _made_by(stage: Path, recipe: Recipe) -> SegmentRecipe:
    """The settings of the teacher's own run."""
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
