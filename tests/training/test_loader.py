"""Order and randomness depend on seed and position alone."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from streamseg.training.loader import Order, Sample, batches


@given(st.integers(1, 20), st.integers(0, 1000), st.integers(0, 5))
def test_every_epoch_has_every_picture_once(items: int, seed: int, epoch: int) -> None:
    order = Order(items, seed)
    assert sorted(order.item(epoch * items + i) for i in range(items)) == list(range(items))


def make(index: int, rng: np.random.Generator) -> Sample:
    return torch.tensor(index), torch.tensor(rng.random())


def test_resumed_batches_are_the_rest_of_the_whole() -> None:
    order = Order(5, 3)
    whole = list(batches(order, make, batch=2, first_step=0, steps=6, workers=0))
    rest = list(batches(order, make, batch=2, first_step=4, steps=6, workers=0))
    assert len(whole) == 6
    for expected, found in zip(whole[4:], rest, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_workers_change_nothing() -> None:
    order = Order(5, 3)
    alone = list(batches(order, make, batch=2, first_step=1, steps=4, workers=0))
    helped = list(batches(order, make, batch=2, first_step=1, steps=4, workers=1))
    assert all(torch.equal(a[1], b[1]) for a, b in zip(alone, helped, strict=True))
