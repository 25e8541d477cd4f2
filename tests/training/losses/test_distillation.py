"""Distillation against values computed by hand."""

from __future__ import annotations

from math import log

import pytest
import torch

from streamseg.training.losses import distillation
from tests.training.losses.areas import logits_of


def test_distillation_by_hand() -> None:
    student, teacher = logits_of((0.5, 0.5), (0.9, 0.1)), logits_of((0.8, 0.2), (0.9, 0.1))
    expected = (0.8 * log(0.8 / 0.5) + 0.2 * log(0.2 / 0.5)) / 2  # the second cell agrees
    assert distillation(student, teacher).item() == pytest.approx(expected, abs=1e-6)


def test_heat_lets_the_less_likely_count() -> None:
    student, teacher = logits_of((0.5, 0.5)), logits_of((0.8, 0.2))
    soft = (0.8**0.5 / (0.8**0.5 + 0.2**0.5), 0.2**0.5 / (0.8**0.5 + 0.2**0.5))
    expected = 4 * (soft[0] * log(soft[0] / 0.5) + soft[1] * log(soft[1] / 0.5))
    assert distillation(student, teacher, temperature=2).item() == pytest.approx(expected, abs=1e-6)


def test_a_teacher_of_coarser_cells_is_resized() -> None:
    student = torch.zeros(1, 2, 4, 6)
    assert distillation(student, torch.zeros(1, 2, 2, 3)).item() == 0
    assert distillation(student, torch.tensor([4.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 2, 3)).item() > 0.1


def test_the_gradient_leads_to_the_teacher() -> None:
    student = logits_of((0.5, 0.5)).requires_grad_()
    distillation(student, logits_of((0.8, 0.2))).backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    assert student.grad.flatten().tolist() == pytest.approx([-0.3, 0.3], abs=1e-5)
