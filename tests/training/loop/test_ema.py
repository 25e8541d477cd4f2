"""The averaged weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from streamseg.training.loop.ema import WeightAverage


def test_average_moves_towards_the_model() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = WeightAverage(model, 0.9)
    nn.init.ones_(model.weight)
    average.update(model, 10_000)
    assert average.model.weight.item() == pytest.approx(0.1)


def test_early_steps_count_more() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = WeightAverage(model, 0.999)
    nn.init.ones_(model.weight)
    average.update(model, 1)
    assert average.model.weight.item() == pytest.approx(1 - 2 / 11)


def test_counters_are_copied_and_the_original_is_untouched() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).train()
    average = WeightAverage(model, 0.5)
    model(torch.randn(4, 2))
    average.update(model, 5)
    assert average.model.state_dict()["1.num_batches_tracked"] == 1
    assert not average.model.training
    assert model.training
    assert all(p.requires_grad for p in model.parameters())
