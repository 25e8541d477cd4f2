"""Squared error of the class probabilities, the score of Brier (1950)."""

from __future__ import annotations

from torch import Tensor

from streamseg.training.losses.subsample import labelled


def mse(logits: Tensor, labels: Tensor) -> Tensor:
    """Squared distance between probabilities and one-hot truth, at the logits' resolution.

    Bounded by 2, so that a wrong label pulls less than in cross-entropy.

    Args:
        logits: `[N, C, h, w]`.
        labels: `[N, H, W]` uint8 or int64; 255 is ignored.

    Returns:
        Sum over the classes, mean over the labelled cells; 0 where there is none.
    """
    probabilities, truth = labelled(logits, labels)
    return (probabilities - truth).square().sum() / max(len(truth), 1)
