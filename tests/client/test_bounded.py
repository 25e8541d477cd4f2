"""A mapping that stays small, whatever is put into it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.client.bounded import Bounded


def test_the_oldest_give_way() -> None:
    kept: Bounded[int] = Bounded(2)
    assert kept.keep("a", 1) == []
    assert kept.keep("b", 2) == []
    assert kept.keep("a", 3) == []
    assert kept.keep("c", 4) == [("b", 2)]
    assert dict(kept) == {"a": 3, "c": 4}


def test_the_newest_is_kept_whatever_it_costs() -> None:
    kept: Bounded[int] = Bounded(10, most_cost=100)
    assert kept.keep("a", 1, 60) == []
    assert kept.keep("b", 2, 40) == []
    assert kept.keep("c", 3, 500) == [("a", 1), ("b", 2)]
    assert kept.keep("c", 4, 1) == []
    assert kept.keep("d", 5, 99) == []


def test_what_is_not_there() -> None:
    kept: Bounded[int] = Bounded(2)
    assert kept.pop("a") is None
    with pytest.raises(KeyError):
        _ = kept["a"]
    assert kept.get("a") is None


STEPS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 50), st.booleans()), max_size=60)


@given(steps=STEPS)
def test_the_bounds_hold_and_nothing_vanishes_untold(steps: list[tuple[str, int, bool]]) -> None:
    kept: Bounded[int] = Bounded(4, most_cost=100)
    costs: dict[str, int] = {}
    for key, cost, out in steps:
        if out:
            assert (kept.pop(key) is not None) == (key in costs)
            costs.pop(key, None)
            continue
        gone = kept.keep(key, cost, cost)
        costs.pop(key, None)
        costs[key] = cost
        for other, _ in gone:
            del costs[other]
        assert dict(kept) == costs
        assert list(kept) == list(costs)
        assert len(kept) <= 4
        assert sum(costs.values()) <= 100 or len(kept) == 1
