"""Lovász-softmax against values computed by hand."""

from __future__ import annotations

import pytest
import torch

from streamseg.training.losses import lovasz
from tests.training.losses.areas import NOTHING, labels_of, logits_of

CELLS = logits_of((0.25, 0.75), (0.4, 0.6))


def test_lovasz_by_hand() -> None:
    # Errors of both classes: 0.6 at the second cell, 0.25 at the first. Class 1 is the first cell: with the
    # second wrong its IoU is 1/2, then 0. Class 0 is the second: with that one wrong its IoU is 0 already.
    first, second = 0.5 * 0.6 + 0.5 * 0.25, 1.0 * 0.6
    assert lovasz(CELLS, labels_of(1, 0)).item() == pytest.approx((first + second) / 2)


def test_classes_nowhere_do_not_count() -> None:
    assert lovasz(CELLS, labels_of(1, 255)).item() == pytest.approx(0.25)


def test_of_hard_decisions_it_is_one_minus_iou() -> None:
    chosen = torch.tensor([0, 0, 1, 1, 1, 0])
    truth = torch.tensor([0, 1, 1, 1, 0, 0])
    logits = 50.0 * torch.nn.functional.one_hot(chosen, 2).T[None, :, None, :].float()
    assert lovasz(logits, truth[None, None]).item() == pytest.approx(1 - 2 / 4)


def test_nothing_labelled_is_zero_with_a_gradient() -> None:
    logits = CELLS.clone().requires_grad_()
    loss = lovasz(logits, NOTHING)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()
