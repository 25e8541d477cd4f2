"""Cross-entropy and its weights against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from streamseg.training.losses import class_weights, cross_entropy


def test_class_weights_are_one_on_average_and_larger_for_the_rare() -> None:
    shares = torch.tensor([0.9, 0.1])
    weights = class_weights(shares)
    assert (weights * shares).sum().item() == pytest.approx(1)
    assert (weights[1] / weights[0]).item() == pytest.approx(math.log(2.0) / math.log(1.2))


def test_cross_entropy_by_hand() -> None:
    logits = torch.tensor([[[[0.0]], [[math.log(3.0)]]]])  # probabilities 1/4, 3/4
    labels = torch.tensor([[[0, 1], [1, 255]]], dtype=torch.uint8)
    loss = cross_entropy(logits, labels, torch.tensor([1.0, 2.0]))
    expected = (math.log(4) + 2 * 2 * math.log(4 / 3)) / (1 + 2 + 2)
    assert loss.item() == pytest.approx(expected)


def test_cross_entropy_of_nothing_is_zero() -> None:
    labels = torch.full((1, 2, 2), 255, dtype=torch.uint8)
    assert cross_entropy(torch.randn(1, 3, 1, 1), labels, torch.ones(3)).item() == 0


def test_ohem_looks_at_the_hardest_pixels_alone() -> None:
    logits = torch.tensor([[[[0.0]], [[math.log(3.0)]]]])  # probabilities 1/4, 3/4
    labels = torch.tensor([[[0, 1], [1, 255]]], dtype=torch.uint8)
    weights = torch.tensor([1.0, 2.0])
    hardest = cross_entropy(logits, labels, weights, ohem=1 / 3)
    assert hardest.item() == pytest.approx(math.log(4)), "1.39 against twice 2 × 0.29"
    two = cross_entropy(logits, labels, weights, ohem=0.5)  # half of three, rounded up
    assert two.item() == pytest.approx((math.log(4) + 2 * math.log(4 / 3)) / (1 + 2))


def test_ohem_of_everything_is_cross_entropy() -> None:
    logits, weights = torch.randn(2, 3, 2, 2), torch.tensor([1.0, 2.0, 3.0])
    labels = torch.randint(0, 3, (2, 8, 8))
    whole = cross_entropy(logits, labels, weights)
    assert cross_entropy(logits, labels, weights, ohem=1.0).item() == pytest.approx(whole.item())


def test_ohem_of_nothing_is_zero() -> None:
    labels = torch.full((1, 2, 2), 255, dtype=torch.uint8)
    assert cross_entropy(torch.randn(1, 3, 1, 1), labels, torch.ones(3), ohem=0.3).item() == 0
