"""Exponential moving average of a model's weights (Polyak & Juditsky 1992; the form of Tarvainen & Valpola 2017)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class WeightAverage:
    """Keeps `average = decay · average + (1 - decay) · model` over weights and normalisation statistics."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(requires_grad=False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after step `step`; early steps count more, so that the random start is forgotten."""
        decay = min(self.decay, (1 + step) / (10 + step))
        ours: dict[str, Tensor] = self.model.state_dict()
        for name, theirs in model.state_dict().items():
            if theirs.dtype.is_floating_point:
                ours[name].lerp_(theirs, 1 - decay)
            else:
                ours[name].copy_(theirs)
