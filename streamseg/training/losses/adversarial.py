"""Losses of a generator and the discriminator that judges its maps.

`bce` reads the discriminator's outputs as logits (Goodfellow et al. 2014, the generator's in its form that
does not saturate), `least_squares` as numbers that should be 1 for real maps and 0 for made ones (Mao et al.
2017).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor

from streamseg.training.config.stage_config import Adversarial


def generator_loss(made: Tensor, kind: Adversarial = "bce") -> Tensor:
    """How far made maps are from passing as real.

    Args:
        made: The discriminator's outputs for them, any shape.
        kind: See the module.
    """
    return _distance(made, 1.0, kind)


def discriminator_loss(
    real: Tensor, made: Tensor, kind: Adversarial = "bce", *, smoothing: float = 0.0
) -> Tensor:
    """How far the verdicts are from the truth; real and made count half each.

    Args:
        real: Outputs for real maps, any shape.
        made: Outputs for made maps.
        kind: See the module.
        smoothing: Taken off the target of the real ones alone, so that the discriminator never gets too sure
            (one-sided label smoothing, Salimans et al. 2016).
    """
    return (_distance(real, 1.0 - smoothing, kind) + _distance(made, 0.0, kind)) / 2


@torch.no_grad()
def discriminator_accuracy(real: Tensor, made: Tensor, kind: Adversarial = "bce") -> Tensor:
    """Share of the verdicts that are right, real and made counting half each; 0.5 is guessing."""
    edge = 0.0 if kind == "bce" else 0.5
    return ((real > edge).float().mean() + (made <= edge).float().mean()) / 2


def _distance(outputs: Tensor, target: float, kind: Adversarial) -> Tensor:
    targets = torch.full_like(outputs, target, dtype=torch.float32)
    if kind == "bce":
        return F.binary_cross_entropy_with_logits(outputs.float(), targets)
    return F.mse_loss(outputs.float(), targets)
