"""The supervised losses by the names a recipe gives them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from streamseg.training.config.stage_config import LossName
from streamseg.training.losses.cross_entropy import cross_entropy
from streamseg.training.losses.dice import dice
from streamseg.training.losses.lovasz import lovasz
from streamseg.training.losses.mse import mse

Term = Callable[[Tensor, Tensor], Tensor]  # logits [N, C, h, w], labels [N, H, W] → scalar
HARDEST = 0.25  # share of the pixels `ohem` looks at


def terms(weights: Tensor, members: Tensor | None = None) -> dict[LossName, Term]:
    """All of them; the cross-entropies alone learn from labels that stand for several classes.

    Args:
        weights: Of the labels, `[L]`.
        members: Which classes each label may be, bool `[L, C]`; None: labels are classes.
    """
    return {
        "ce": partial(cross_entropy, weights=weights, members=members),
        "ohem": partial(cross_entropy, weights=weights, members=members, ohem=HARDEST),
        "mse": mse,
        "dice": dice,
        "lovasz": lovasz,
    }
