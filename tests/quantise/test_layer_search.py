from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.quantise.layer_search import Settled, find_float_layers

LAYERS = [f"layer{index}" for index in range(13)]


def never() -> Sequence[str]:
    raise AssertionError("nothing has to be left, so nothing has to be sorted")


def test_what_costs_little_enough_stays_in_int8_altogether() -> None:
    assert find_float_layers(lambda left: 0.5 + len(left), never, 0.5) == Settled((), 0.5)


@given(st.integers(1, len(LAYERS) - 1))
def test_the_fewest_that_are_enough_are_left_the_most_harmful_first(needed: int) -> None:
    tried: list[int] = []

    def loss_of(left: Sequence[str]) -> float:
        tried.append(len(left))
        return 0.1 if len(left) >= needed else 9.0

    assert find_float_layers(loss_of, lambda: LAYERS, 0.5) == Settled(tuple(LAYERS[:needed]), 0.1)
    assert len(tried) == len(set(tried)) <= 9


@given(st.lists(st.floats(-1, 2), min_size=len(LAYERS), max_size=len(LAYERS)))
def test_what_it_gives_was_measured_and_is_allowed(losses: list[float]) -> None:
    settled = find_float_layers(lambda left: losses[len(left)], lambda: LAYERS, 0.5)
    if settled is None:
        assert losses[0] > 0.5
        assert losses[-1] > 0.5, "all but one layer in float was tried"
    else:
        assert settled.loss == losses[len(settled.left)] <= 0.5
        assert settled.left == tuple(LAYERS[: len(settled.left)])


@pytest.mark.parametrize("layers", [LAYERS, LAYERS[:1]])
def test_at_least_one_layer_is_in_int8_or_nothing_comes_of_it(layers: list[str]) -> None:
    assert find_float_layers(lambda left: float("nan") if not left else 1.0, lambda: layers, 0.5) is None
