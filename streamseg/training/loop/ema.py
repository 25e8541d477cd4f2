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
        pairs = list(zip(_state(self.model), _state(model), strict=True))
        weights = [pair for pair in pairs if pair[0].dtype.is_floating_point]
        ours, theirs = [mine for mine, _ in weights], [given for _, given in weights]
        # all at once: one by one, the calls alone are a tenth of a step on a GPU
        torch._foreach_lerp_(ours, theirs, 1 - decay)
        for mine, given in pairs:
            if not mine.dtype.is_floating_point:
                mine.copy_(given)


def _state(model: nn.Module) -> list[Tensor]:
    return list(model.state_dict().values())
