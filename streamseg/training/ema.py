"""Exponential moving average of a model's weights (Tarvainen & Valpola 2017)."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


class WeightAverage(Generic[M]):
    """Keeps `average = decay · average + (1 - decay) · model` over weights and normalisation statistics."""

    def __init__(self, model: M, decay: float) -> None:
        self.model: M = copy.deepcopy(model)
        self.model.eval().requires_grad_(requires_grad=False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights of `step`; early steps count more, so that the random start is forgotten."""
        decay = min(self.decay, (1 + step) / (10 + step))
        ours: dict[str, Tensor] = self.model.state_dict()
        for name, theirs in model.state_dict().items():
            if theirs.dtype.is_floating_point:
                ours[name].lerp_(theirs, 1 - decay)
            else:
                ours[name].copy_(theirs)
