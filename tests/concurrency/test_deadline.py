"""Deadline: one limit for many steps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamseg.concurrency.deadline import Deadline


@given(limit_s=st.floats(0, 1e6), steps=st.lists(st.floats(0, 1e5), max_size=20))
def test_what_is_left_shrinks_to_nothing_and_no_further(limit_s: float, steps: list[float]) -> None:
    now_s = 1000.0
    deadline = Deadline(limit_s, clock=lambda: now_s)
    left_s = deadline.remaining_s
    for step_s in steps:
        now_s += step_s
        assert 0.0 <= deadline.remaining_s <= left_s
        left_s = deadline.remaining_s
        assert deadline.expired is (left_s == 0.0)


def test_it_starts_with_all_of_its_time() -> None:
    deadline = Deadline(2.5, clock=lambda: 10.0)
    assert (deadline.seconds, deadline.remaining_s, deadline.expired) == (2.5, 2.5, False)
