"""Which picture comes when, of one set and of several."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.training.data.sampling import ShuffledOrder, WeightedOrder


@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    weights=st.lists(st.integers(1, 5), min_size=4, max_size=4),
    seed=st.integers(0, 5),
)
def test_every_block_holds_each_set_by_its_weight(sizes: list[int], weights: list[int], seed: int) -> None:
    weights = weights[: len(sizes)]
    order, block = WeightedOrder(sizes, weights, seed), sum(weights)
    owners = [index for index, size in enumerate(sizes) for _ in range(size)]
    for first in range(0, 3 * block, block):
        drawn = Counter(owners[order.item(position)] for position in range(first, first + block))
        assert [drawn[index] for index in range(len(sizes))] == weights


@pytest.mark.parametrize("weights", [(1, 1), (3, 2)])
def test_no_picture_comes_again_before_all_of_its_set_came(weights: tuple[int, int]) -> None:
    order = WeightedOrder((4, 7), weights, seed=1)
    items = [order.item(position) for position in range(200)]
    for first, size in ((0, 4), (4, 7)):
        own = [item for item in items if first <= item < first + size]
        for epoch in range(len(own) // size):
            assert set(own[epoch * size : (epoch + 1) * size]) == set(range(first, first + size))


def test_a_position_tells_all() -> None:
    order, again = WeightedOrder((4, 7), (3, 2), 1), WeightedOrder((4, 7), (3, 2), 1)
    assert [order.item(p) for p in range(90, 100)] == [again.item(p) for p in range(100)][90:]
    assert order.generator(7).random() == again.generator(7).random()
    assert order.generator(7).random() != order.generator(8).random()


def test_one_set_is_a_permutation_each_epoch() -> None:
    order = ShuffledOrder(5, 3)
    epochs = [[order.item(p) for p in range(e * 5, e * 5 + 5)] for e in range(3)]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
