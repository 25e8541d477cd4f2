"""Soft Dice against values computed by hand."""

from __future__ import annotations

import pytest

from streamseg.training.losses import dice
from tests.training.losses.areas import NOTHING, labels_of, logits_of

CELLS = logits_of((0.2, 0.7, 0.1), (0.4, 0.5, 0.1))


def test_dice_by_hand() -> None:
    first = 1 - 2 * 0.4 / (0.2**2 + 0.4**2 + 1)
    second = 1 - 2 * 0.7 / (0.7**2 + 0.5**2 + 1)
    loss = dice(CELLS, labels_of(1, 0))
    assert loss.item() == pytest.approx((first + second) / 2), "the third class is nowhere and does not count"


def test_ignored_cells_do_not_count() -> None:
    assert dice(CELLS, labels_of(1, 255)).item() == pytest.approx(1 - 2 * 0.7 / (0.7**2 + 1))


def test_nothing_labelled_is_zero() -> None:
    assert dice(CELLS, NOTHING).item() == 0
