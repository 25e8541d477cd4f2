"""Squared error against values computed by hand."""

from __future__ import annotations

import pytest

from streamseg.training.losses import mse
from tests.training.losses.areas import NOTHING, labels_of, logits_of


def test_mse_by_hand() -> None:
    logits = logits_of((0.25, 0.75), (0.4, 0.6), (0.9, 0.1))
    expected = (0.25**2 + 0.25**2 + 0.6**2 + 0.6**2) / 2  # the third is ignored
    assert mse(logits, labels_of(1, 0, 255)).item() == pytest.approx(expected)


def test_nothing_labelled_is_zero() -> None:
    assert mse(logits_of((0.25, 0.75), (0.4, 0.6)), NOTHING).item() == 0
