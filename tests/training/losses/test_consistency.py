"""Steadiness along the motion against a value computed by hand."""

from __future__ import annotations

import pytest
import torch

from streamseg.training.losses import warping_consistency


def test_warping_consistency_by_hand() -> None:
    now = torch.tensor([[[[0.75, 0.5]], [[0.25, 0.5]]]])
    before = torch.tensor([[[[0.5, 0.0]], [[0.5, 1.0]]]])
    known = torch.tensor([[[[1.0, 0.0]]]])
    assert warping_consistency(now, before, known).item() == pytest.approx(0.5)
    assert warping_consistency(now, before, known * 0).item() == 0
