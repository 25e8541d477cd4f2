"""Cross-entropy at the labels' resolution, over all pixels or over the hardest."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor

from streamseg.training.data import IGNORE


def class_weights(shares: Tensor) -> Tensor:
    """Weights `1 / ln(1.1 + p)` of ENet (Paszke et al. 2016), scaled to a pixel-weighted mean of 1.

    Args:
        shares: Share of the pixels of each class, `[C]`, summing to 1.
    """
    weights = 1 / torch.log(1.1 + shares)
    return weights / (weights * shares).sum()


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor, *, ohem: float | None = None) -> Tensor:
    """Weighted cross-entropy at the labels' resolution.

    Args:
        logits: `[N, C, h, w]`, upsampled bilinearly to the labels' size.
        labels: `[N, H, W]` uint8 or int64; 255 is ignored.
        weights: `[C]`, as from `class_weights`.
        ohem: Share (0…1] of the batch's labelled pixels to take, those with the largest weighted loss (online
            hard example mining, Shrivastava et al. 2016); None: all.

    Returns:
        Mean over the labelled pixels, weighted; 0 where there is none.
    """
    weights = weights.to(logits.device)
    full = F.interpolate(logits.float(), size=labels.shape[-2:], mode="bilinear", align_corners=False)
    if ohem is not None:
        return _hardest(full, labels, weights, ohem)
    total = F.cross_entropy(full, labels.long(), weight=weights, ignore_index=IGNORE, reduction="sum")
    known = labels != IGNORE
    return total / weights[labels[known].long()].sum().clamp(min=1.0)


def _hardest(full: Tensor, labels: Tensor, weights: Tensor, share: float) -> Tensor:
    known = labels != IGNORE
    each = F.cross_entropy(full, labels.long(), weight=weights, ignore_index=IGNORE, reduction="none")[known]
    hard = each.topk(math.ceil(share * len(each)), sorted=False)
    return hard.values.sum() / weights[labels[known][hard.indices].long()].sum().clamp(min=1.0)
