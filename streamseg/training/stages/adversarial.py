"""The segmenter goes on learning beside a discriminator that looks at its maps.

Luc et al. 2016; one verdict for each cell, as Hung et al. 2018.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from streamseg.networks.discriminator import SpatialDiscriminator
from streamseg.networks.segmenter import Segmenter
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import AdversarialRecipe
from streamseg.training.losses import subsample
from streamseg.training.stages.adversarial_loss import AdversarialLoss, drawn_map
from streamseg.training.stages.segment import SegmentStage


class AdversarialStage(SegmentStage):
    """The losses and pictures of `segment`, and `fool`: maps should pass as drawn by a person."""

    name = "adversarial"
    critic: SpatialDiscriminator

    def __init__(
        self,
        recipe: Recipe,
        segmenter: Segmenter,
        critic: SpatialDiscriminator | None = None,
        settings: AdversarialRecipe | None = None,
    ) -> None:
        """Find the data.

        Args:
            recipe: The run.
            segmenter: Trained; learns on.
            critic: Trained beside it before; None: a new one.
            settings: None: the recipe's.

        Raises:
            TrainingError: The data cannot be used.
        """
        chosen = settings or recipe.adversarial
        pace = chosen.model_dump(include={"epochs", "lr_encoder", "lr_decoder"})
        super().__init__(recipe, recipe.segment.model_copy(update=pace), segmenter)
        self.seed = recipe.seed + 2  # other crops than segment had
        self.critic = critic or SpatialDiscriminator(len(recipe.classes))
        self.rate = chosen.critic.lr
        self.judging = AdversarialLoss(self.critic, chosen.critic)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Those of `segment`, and `fool`."""
        image, label = batch
        return self._learn(image, label, self.model(image))

    def _learn(self, image: Tensor, label: Tensor, logits: Tensor) -> dict[str, Tensor]:
        made, picture = logits.float().softmax(1), image.float() / 255
        drawn, known = drawn_map(made, subsample(label, (made.shape[-2], made.shape[-1])))
        fool = self.judging.fool((picture, made), (picture, drawn), known, self.step)
        return {**self.supervised(image, logits, label), "fool": fool}

    def critic_groups(self) -> list[dict[str, Any]]:
        """One group."""
        return [{"params": list(self.critic.parameters()), "lr": self.rate, "weight_decay": 0.0}]

    def critic_losses(self, batch: Any) -> dict[str, Tensor]:
        """How far its verdicts are from the truth, on the maps the segmenter just made."""
        terms = self.judging.losses()
        self.noted["critic_accuracy"] = torch.tensor(self.judging.accuracy, device=batch[0].device)
        return terms

    def remark(self) -> str | None:
        """That the discriminator has collapsed, if it has."""
        return self.judging.remark()
