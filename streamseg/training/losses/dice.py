"""Soft Dice loss (Milletari, Navab, Ahmadi 2016, V-Net): overlap of areas, whatever their size."""

from __future__ import annotations

from torch import Tensor

from streamseg.training.losses.subsample import labelled


def dice(logits: Tensor, labels: Tensor) -> Tensor:
    """1 − 2·Σpg / (Σp² + Σg²), over the whole batch at the logits' resolution.

    Args:
        logits: `[N, C, h, w]`.
        labels: `[N, H, W]` uint8 or int64; 255 is ignored.

    Returns:
        Mean over the classes the labels hold; 0 where there is none.
    """
    probabilities, truth = labelled(logits, labels)
    areas = truth.sum(0)
    present = areas > 0
    overlap = 2 * (probabilities * truth).sum(0) / (probabilities.square().sum(0) + areas).clamp(min=1e-6)
    return (1 - overlap)[present].sum() / present.sum().clamp(min=1)
