"""Cells whose class probabilities are known, to compute losses of by hand."""

from __future__ import annotations

import torch
from torch import Tensor

NOTHING = torch.full((1, 1, 2), 255, dtype=torch.uint8)


def logits_of(*probabilities: tuple[float, ...]) -> Tensor:
    """Logits `[1, C, 1, P]` of P cells with these class probabilities."""
    return torch.tensor(probabilities).log().T[None, :, None, :]


def labels_of(*labels: int) -> Tensor:
    """Labels `[1, 1, P]`."""
    return torch.tensor([[labels]], dtype=torch.uint8)
