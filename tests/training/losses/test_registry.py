"""Every loss a recipe may name can be computed."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from streamseg.training.config.stage_config import LossName
from streamseg.training.losses import cross_entropy, terms


def test_every_name_has_a_term() -> None:
    assert set(terms(torch.ones(3))) == set(get_args(LossName))


@pytest.mark.parametrize("name", get_args(LossName))
def test_a_right_answer_costs_less_and_every_term_has_a_gradient(name: LossName) -> None:
    term = terms(torch.ones(3))[name]
    labels = torch.arange(3, dtype=torch.uint8).repeat_interleave(4).reshape(1, 3, 4)
    right = torch.nn.functional.one_hot(labels.long(), 3).permute(0, 3, 1, 2).float().requires_grad_()
    wrong = right.detach().roll(1, 1)
    loss = term(right, labels)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss < term(wrong, labels)
    assert right.grad is not None
    assert right.grad.abs().sum() > 0


def test_class_weights_reach_the_cross_entropy() -> None:
    weights, logits = torch.tensor([1.0, 5.0]), torch.randn(1, 2, 2, 2)
    labels = torch.tensor([[[0, 1], [1, 0]]])
    assert torch.equal(terms(weights)["ce"](logits, labels), cross_entropy(logits, labels, weights))
