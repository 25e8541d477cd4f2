"""Pictures without labels join: where the discriminator believes the segmenter, its own labels count.

Hung et al. 2018. The discriminator learns from labelled pictures alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor

from streamseg.networks.discriminator import SpatialDiscriminator
from streamseg.networks.segmenter import Segmenter
from streamseg.training.augment.transforms import augment
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.recipe_data import IGNORE
from streamseg.training.data.loader import Sample
from streamseg.training.data.unlabelled import find_stills, read_still
from streamseg.training.losses import subsample
from streamseg.training.stages.adversarial import AdversarialStage


class SemiStage(AdversarialStage):
    """As many pictures without labels as with in every batch; terms `semi` and `pass` are theirs."""

    name = "semi"

    def __init__(
        self, recipe: Recipe, segmenter: Segmenter, critic: SpatialDiscriminator | None = None
    ) -> None:
        """Find the data.

        Args:
            recipe: The run.
            segmenter: Trained; learns on.
            critic: Trained beside it before; None: a new one, whose warm-up is over before it is believed.

        Raises:
            TrainingError: The data cannot be used.
        """
        super().__init__(recipe, segmenter, critic, recipe.semi)
        self.semi, self.stills = recipe.semi, find_stills(recipe.data.unlabelled)
        self.seed = recipe.seed + 3
        self.changes = recipe.segment.augment.model_copy(update={"rare_crops": 0.0})

    def _sample(self, index: int, rng: np.random.Generator) -> Sample:
        still = read_still(self.stills[int(rng.integers(len(self.stills)))])
        nothing = np.zeros(still.shape[:2], np.uint8)
        free, outside = augment(still, nothing, self.changes, self.recipe.size, rng)
        theirs = torch.from_numpy(free).permute(2, 0, 1), torch.from_numpy(outside)
        return *super()._sample(index, rng), *theirs

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Those of `adversarial` on the labelled pictures; on the others what is believed, and passing."""
        image, label, free, outside = batch
        ours, theirs = self.model(torch.cat([image, free])).split([len(image), len(free)])
        terms = self._learn(image, label, ours)
        inside = subsample(outside, (theirs.shape[-2], theirs.shape[-1])) != IGNORE
        return {**terms, **self._from_free(free, theirs.float(), inside)}

    def _from_free(self, free: Tensor, logits: Tensor, inside: Tensor) -> dict[str, Tensor]:
        made, picture = logits.softmax(1), free.float() / 255
        if self.step < self.semi.critic.warmup_steps:  # a new critic believes anything
            return {"semi": 0.0 * logits.sum()}
        believed = inside & (self.judging.believes((picture, made.detach()))[:, 0] > self.semi.believed)
        labels = torch.where(believed, logits.argmax(1), IGNORE)
        total = F.cross_entropy(logits, labels, ignore_index=IGNORE, reduction="sum")
        self.noted["believed"] = believed.float().mean()
        return {
            "semi": self.semi.weight * total / believed.sum().clamp(min=1),
            "pass": self.judging.pass_off((picture, made), inside[:, None], self.semi.fool_weight),
        }
