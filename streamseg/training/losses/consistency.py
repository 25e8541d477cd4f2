"""Steadiness along the motion."""

from __future__ import annotations

from torch import Tensor


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
