"""Lovász-softmax (Berman, Triki, Blaschko 2018): the convex stand-in for the intersection over union."""

from __future__ import annotations

import torch
from torch import Tensor

from streamseg.training.losses.cells import labelled


def lovasz(logits: Tensor, labels: Tensor) -> Tensor:
    """Lovász extension of 1 − IoU, over the whole batch at the logits' resolution.

    Args:
        logits: `[N, C, h, w]`.
        labels: `[N, H, W]` uint8 or int64; 255 is ignored.

    Returns:
        Mean over the classes the labels hold; 0 where there is none.
    """
    probabilities, truth = labelled(logits, labels)
    present = truth.sum(0) > 0
    probabilities, truth = probabilities[:, present], truth[:, present]
    errors, order = (truth - probabilities).abs().sort(dim=0, descending=True)
    extension = (errors * _growth(truth.gather(0, order))).sum(0)
    return extension.sum() / present.sum().clamp(min=1)


def _growth(truth: Tensor) -> Tensor:
    """What each cell adds to 1 − IoU when the cells `[P, C]` go wrong one by one, worst first."""
    areas = truth.sum(0)
    intersection = areas - truth.cumsum(0)
    union = areas + (1 - truth).cumsum(0)
    jaccard = 1 - intersection / union
    return torch.diff(jaccard, dim=0, prepend=torch.zeros_like(jaccard[:1]))
