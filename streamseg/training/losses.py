"""Losses of the stages: pure functions of tensors."""

from __future__ import annotations

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


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy at the labels' resolution.

    Args:
        logits: `[N, C, h, w]`, upsampled bilinearly to the labels' size.
        labels: `[N, H, W]` uint8 or int64; 255 is ignored.
        weights: `[C]`, as from `class_weights`.

    Returns:
        Mean over the labelled pixels, weighted; 0 where there is none.
    """
    full = F.interpolate(logits.float(), size=labels.shape[-2:], mode="bilinear", align_corners=False)
    total = F.cross_entropy(full, labels.long(), weight=weights, ignore_index=IGNORE, reduction="sum")
    known = labels != IGNORE
    return total / weights[labels[known].long()].sum().clamp(min=1.0)


def warping_consistency(now: Tensor, warped: Tensor, known: Tensor) -> Tensor:
    """Mean absolute change of the class probabilities along the motion (Lai et al. 2018, with exact flow).

    Args:
        now: Probabilities of this frame, `[N, C, h, w]`.
        warped: Those of the last frame, carried along.
        known: 1 where the cell was in the last frame, `[N, 1, h, w]`.

    Returns:
        Sum over the classes, mean over the known cells; 0 where there is none.
    """
    return ((now - warped).abs() * known).sum() / known.sum().clamp(min=1.0)
