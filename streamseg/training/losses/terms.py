"""The supervised losses by the names a recipe gives them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from streamseg.training.losses.cross_entropy import cross_entropy
from streamseg.training.losses.dice import dice
from streamseg.training.losses.lovasz import lovasz
from streamseg.training.losses.mse import mse
from streamseg.training.stage_recipes import LossName

Term = Callable[[Tensor, Tensor], Tensor]  # logits [N, C, h, w], labels [N, H, W] → scalar
HARDEST = 0.25  # share of the pixels `ohem` looks at


def terms(weights: Tensor) -> dict[LossName, Term]:
    """All of them; `weights` of the classes, `[C]`, are for the cross-entropies."""
    return {
        "ce": partial(cross_entropy, weights=weights),
        "ohem": partial(cross_entropy, weights=weights, ohem=HARDEST),
        "mse": mse,
        "dice": dice,
        "lovasz": lovasz,
    }
