"""Cross-entropy and its weights against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from streamseg.training.data.label_space import LabelSpace
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


def test_loss_is_that_of_the_summed_probability() -> None:
    probabilities = torch.tensor([0.5, 0.3, 0.2])
    logits = probabilities.log()[None, :, None, None]
    members = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1]], dtype=torch.bool)
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0])
    labels = torch.tensor([[[3, 0], [255, 255]]], dtype=torch.uint8)
    loss = cross_entropy(logits, labels, weights, members=members)
    assert loss.item() == pytest.approx((4 * -math.log(0.5) + 1 * -math.log(0.5)) / 5)
    hardest = cross_entropy(logits, labels, weights, members=members, ohem=0.5)
    assert hardest.item() == pytest.approx(-math.log(0.5))


def test_single_classes_cost_what_they_cost_without_sets() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 3, 4, 4, requires_grad=True), torch.randint(0, 3, (2, 8, 8))
    labels[0, 0] = 255
    weights = torch.tensor([1.0, 2.0, 3.0])
    plain = cross_entropy(logits, labels, weights)
    (expected,) = torch.autograd.grad(plain, logits)
    members = LabelSpace(3, ((0, 2),)).members()
    sets = cross_entropy(
        logits, labels, torch.cat([weights, torch.ones(1)]), members=torch.from_numpy(members)
    )
    (gradient,) = torch.autograd.grad(sets, logits)
    assert sets.item() == pytest.approx(plain.item(), rel=1e-5)
    assert torch.allclose(gradient, expected, atol=1e-6)


def test_a_set_pulls_its_classes_up_as_they_stand() -> None:
    logits = torch.tensor([0.5, 0.3, 0.2]).log()[None, :, None, None].requires_grad_()
    members = torch.from_numpy(LabelSpace(3, ((1, 2),)).members())
    loss = cross_entropy(logits, torch.full((1, 1, 1), 3), torch.ones(4), members=members)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.flatten().tolist() == pytest.approx([0.5, 0.3 - 0.6, 0.2 - 0.4])


def test_weights_of_a_set_lie_between_those_of_its_classes() -> None:
    members = torch.from_numpy(LabelSpace(3, ((1, 2),)).members())
    weights = class_weights(torch.tensor([0.8, 0.1, 0.0, 0.1]), members)
    assert weights[1] < weights[3] < weights[2]
    doubled = class_weights(torch.tensor([0.8, 0.1, 0.0, 0.1]), members, torch.tensor([1.0, 2.0, 2.0]))
    assert (doubled / weights).tolist() == pytest.approx([1, 2, 2, 2])
