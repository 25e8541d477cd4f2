"""Adversarial losses against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from streamseg.training.losses import discriminator_accuracy, discriminator_loss, generator_loss

SURE = torch.tensor([math.log(3.0)])  # "real" with 3/4
DOUBT = torch.tensor([0.0])


def test_generator_wants_to_pass() -> None:
    assert generator_loss(SURE).item() == pytest.approx(math.log(4 / 3))
    assert generator_loss(torch.tensor([0.25, 1.0]), "least_squares").item() == pytest.approx(0.75**2 / 2)


def test_discriminator_wants_to_tell() -> None:
    expected = (math.log(4 / 3) + math.log(2)) / 2
    assert discriminator_loss(SURE, DOUBT).item() == pytest.approx(expected)
    real, made = torch.tensor([0.5]), torch.tensor([0.25])
    loss = discriminator_loss(real, made, "least_squares")
    assert loss.item() == pytest.approx((0.5**2 + 0.25**2) / 2)


def test_smoothing_moves_the_target_of_the_real_ones_alone() -> None:
    real = 0.9 * math.log(4 / 3) + 0.1 * math.log(4)
    assert discriminator_loss(SURE, DOUBT, smoothing=0.1).item() == pytest.approx((real + math.log(2)) / 2)
    loss = discriminator_loss(torch.tensor([0.9]), torch.tensor([0.0]), "least_squares", smoothing=0.1)
    assert loss.item() == pytest.approx(0)


def test_accuracy_counts_real_and_made_half_each() -> None:
    real, made = torch.tensor([1.0, 2.0, 0.2, -1.0]), torch.tensor([-1.0, 0.3])
    assert discriminator_accuracy(real, made).item() == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert discriminator_accuracy(real, made, "least_squares").item() == pytest.approx((2 / 4 + 2 / 2) / 2)
