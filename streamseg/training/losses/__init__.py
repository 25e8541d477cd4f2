"""Losses of the stages: pure functions of tensors, one file each."""

from __future__ import annotations

from streamseg.training.losses.adversarial import (
    discriminator_accuracy,
    discriminator_loss,
    generator_loss,
)
from streamseg.training.losses.consistency import warping_consistency
from streamseg.training.losses.cross_entropy import class_weights, cross_entropy
from streamseg.training.losses.dice import dice
from streamseg.training.losses.distillation import distillation
from streamseg.training.losses.lovasz import lovasz
from streamseg.training.losses.mse import mse
from streamseg.training.losses.registry import terms
from streamseg.training.losses.subsample import subsample

__all__ = [
    "class_weights",  # weights of the classes from their shares
    "cross_entropy",  # weighted, over all pixels or the hardest
    "dice",  # overlap of areas
    "discriminator_accuracy",  # share of the verdicts that are right
    "discriminator_loss",  # real maps should be called real, made ones made
    "distillation",  # scores should be the teacher's
    "generator_loss",  # made maps should pass as real
    "lovasz",  # stand-in for the intersection over union
    "mse",  # squared error of the probabilities
    "subsample",  # labels at the logits' resolution
    "terms",  # the supervised ones by their recipe names
    "warping_consistency",  # probabilities should change only as the motion says
]
