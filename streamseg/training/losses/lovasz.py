"""Lovász-softmax (Berman, Triki, Blaschko 2018): the convex stand-in for the intersection over union."""

from __future__ import annotations

import torch
from torch import Tensor

from streamseg.training.losses.subsample import labelled


def lovasz(logits: Tensor, labels: Tensor) -> Tensor:
    """Lovász extension of 1 − IoU, over the whole batch at the logits' resolution.

    Args:
        logits: `[N, C, h, w]`.
        labels: `[N, H, W]` uint8 or int64; 255 is ignored.

    Returns:
        Mean over the classes the labels hold; 0 where there is none.
    """
    probabilities, truth = (x.T.contiguous() for x in labelled(logits, labels))
    present = truth.sum(1) > 0
    probabilities, truth = probabilities[present], truth[present]
    errors, order = (truth - probabilities).abs().sort(descending=True)
    extension = (errors * _growth(truth.gather(1, order))).sum(1)
    return extension.sum() / present.sum().clamp(min=1)


def _growth(truth: Tensor) -> Tensor:
    """What each cell adds to 1 − IoU when the cells `[C, P]` go wrong one by one, worst first."""
    area, wrong = truth.sum(1, keepdim=True), torch.arange(1, truth.shape[1] + 1, device=truth.device)
    missed = truth.cumsum(1)  # along the rows: down the columns it was most of a GPU's step
    jaccard = 1 - (area - missed) / (area + wrong - missed)
    return torch.diff(jaccard, dim=1, prepend=torch.zeros_like(jaccard[:, :1]))
