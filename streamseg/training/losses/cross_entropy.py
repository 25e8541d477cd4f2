"""Cross-entropy at the labels' resolution, over all pixels or over the hardest.

A label may stand for a set of classes, of which the pixel shows one: its loss is the negative logarithm of
their summed probability (partial labels: Jin and Ghahramani 2002, Cour et al. 2011).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor

from streamseg.training.config.recipe_data import IGNORE


def class_weights(shares: Tensor, members: Tensor | None = None, factors: Tensor | None = None) -> Tensor:
    """Weights `1 / ln(1.1 + p)` of ENet (Paszke et al. 2016), scaled to a pixel-weighted mean of 1.

    Args:
        shares: Share of the pixels of each label, `[L]`, summing to 1; the first C are those of the classes.
        members: Which classes each label may be, bool `[L, C]`; None: labels are classes. The pixels of a set
            of classes count for its classes alike, and its weight is the mean of theirs by their shares.
        factors: On the scaled weights of the classes, `[C]`; None: 1.

    Returns:
        `[L]`.
    """
    if members is None:
        members = torch.eye(len(shares), dtype=torch.bool)
    belongs = members.to(shares.dtype)
    of_classes = shares @ (belongs / belongs.sum(1, keepdim=True))
    weights = 1 / torch.log(1.1 + of_classes)
    weights = weights / (weights * of_classes).sum()
    weights = weights if factors is None else weights * factors
    within = belongs * of_classes.clamp(min=1e-12)
    return (within * weights).sum(1) / within.sum(1)


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weights: Tensor,
    *,
    members: Tensor | None = None,
    ohem: float | None = None,
) -> Tensor:
    """Weighted cross-entropy at the labels' resolution.

    Args:
        logits: `[N, C, h, w]`, upsampled bilinearly to the labels' size.
        labels: `[N, H, W]` uint8 or int64; 255 is ignored.
        weights: `[L]`, as from `class_weights`.
        members: Which classes each label may be, bool `[L, C]`; None: labels are classes.
        ohem: Share (0…1] of the batch's labelled pixels to take, those with the largest weighted loss (online
            hard example mining, Shrivastava et al. 2016); None: all.

    Returns:
        Mean over the labelled pixels, weighted; 0 where there is none.
    """
    weights = weights.to(logits.device)
    full = F.interpolate(logits.float(), size=labels.shape[-2:], mode="bilinear", align_corners=False)
    known = labels != IGNORE
    if members is None:
        each = F.cross_entropy(full, labels.long(), weight=weights, ignore_index=IGNORE, reduction="none")
    else:
        each = _of_sets(full, labels, known, weights, members.to(logits.device))
    if ohem is not None:
        return _hardest(each[known], weights[labels[known].long()], ohem)
    return each.sum() / weights[labels[known].long()].sum().clamp(min=1.0)


def _of_sets(full: Tensor, labels: Tensor, known: Tensor, weights: Tensor, members: Tensor) -> Tensor:
    """−w·log of the summed probability of the classes a label may be, `[N, H, W]`; 0 where there is none."""
    ids = torch.where(known, labels, 0).long()
    possible = members[ids].permute(0, 3, 1, 2)
    within = full.masked_fill(~possible, -torch.inf).logsumexp(1)
    return torch.where(known, (full.logsumexp(1) - within) * weights[ids], 0.0)


def _hardest(each: Tensor, weights: Tensor, share: float) -> Tensor:
    hard = each.topk(math.ceil(share * len(each)), sorted=False)
    return hard.values.sum() / weights[hard.indices].sum().clamp(min=1.0)
