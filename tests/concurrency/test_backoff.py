"""Backoff: grows, is capped, jitters downwards only."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamseg.concurrency.backoff import Backoff

seconds = st.floats(0.01, 100.0)


@given(
    initial_s=seconds, maximum_s=seconds, jitter=st.floats(0, 1), draws=st.lists(st.floats(0, 1), min_size=1)
)
def test_every_wait_lies_between_nothing_and_the_cap(
    initial_s: float, maximum_s: float, jitter: float, draws: list[float]
) -> None:
    drawn = iter(draws)
    backoff = Backoff(initial_s, maximum_s, jitter=jitter, random=lambda: next(drawn))
    for _ in draws:
        assert 0.0 <= backoff.next() <= maximum_s


@given(initial_s=seconds, maximum_s=seconds, count=st.integers(2, 20))
def test_without_jitter_the_waits_grow_to_the_cap(initial_s: float, maximum_s: float, count: int) -> None:
    backoff = Backoff(initial_s, maximum_s, jitter=0.0)
    waits = [backoff.next() for _ in range(count)]
    assert waits == sorted(waits)
    assert waits == [min(initial_s * 2.0**n, maximum_s) for n in range(count)]


@given(jitter=st.floats(0, 1), draw=st.floats(0, 1))
def test_jitter_takes_off_at_most_its_share(jitter: float, draw: float) -> None:
    wait_s = Backoff(4.0, 30.0, jitter=jitter, random=lambda: draw).next()
    assert 4.0 * (1.0 - jitter) - 1e-9 <= wait_s <= 4.0


def test_reset_starts_again() -> None:
    backoff = Backoff(0.5, 30.0, jitter=0.0)
    assert [backoff.next() for _ in range(3)] == [0.5, 1.0, 2.0]
    backoff.reset()
    assert backoff.next() == 0.5


def test_exhaust_goes_to_the_slow_end() -> None:
    backoff = Backoff(0.5, 30.0, jitter=0.0)
    backoff.exhaust()
    assert backoff.next() == 30.0
    backoff.reset()
    assert backoff.next() == 0.5
