"""Who goes when: pure, with the clock as an argument."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.inference.scheduler import BatchingPolicy, Decision, FairScheduler

STREAMS = ("a", "b", "c")


def test_alone_every_frame_goes_at_once() -> None:
    turns = FairScheduler()
    assert turns.next(["b"], STREAMS, 0.0) == Decision(("b",))
    assert turns.next([], STREAMS, 0.0) == Decision()
    assert [turns.next(STREAMS, STREAMS, 1.0).streams for _ in range(4)] == [("a",), ("c",), ("b",), ("a",)]


def test_a_full_batch_goes_at_once() -> None:
    turns = FairScheduler(BatchingPolicy(2, 1.0))
    assert turns.next(["a", "c"], STREAMS, 0.0) == Decision(("a", "c"))
    assert turns.next(STREAMS, STREAMS, 0.0) == Decision(("b", "a"))


def test_when_every_stream_has_a_frame_there_is_nothing_to_wait_for() -> None:
    assert FairScheduler(BatchingPolicy(8, 1.0)).next(STREAMS, STREAMS, 0.0) == Decision(STREAMS)


def test_one_waits_for_others_but_not_for_ever() -> None:
    turns = FairScheduler(BatchingPolicy(8, 0.010))
    assert turns.next(["a"], STREAMS, 5.000).pause_s == pytest.approx(0.010)
    assert turns.next(["a"], STREAMS, 5.004).pause_s == pytest.approx(0.006)
    assert turns.next(["a", "b"], STREAMS, 5.006).pause_s == pytest.approx(0.004)
    assert turns.next(["a", "b"], STREAMS, 5.0101) == Decision(("a", "b"))


def test_one_that_was_left_over_has_waited_already() -> None:
    turns = FairScheduler(BatchingPolicy(2, 0.010))
    assert turns.next(STREAMS, STREAMS, 0.000).streams == ("a", "b")
    assert turns.next(["c"], STREAMS, 0.006).pause_s == pytest.approx(0.004)
    assert turns.next(["c"], STREAMS, 0.020).streams == ("c",)


def test_one_that_went_away_is_waited_for_no_more() -> None:
    turns = FairScheduler(BatchingPolicy(8, 0.010))
    turns.next(["a"], STREAMS, 0.0)
    assert turns.next([], ("b", "c"), 0.002) == Decision()
    assert turns.next(["b"], ("b", "c"), 0.008).pause_s == pytest.approx(0.010)


def test_without_a_wait_those_go_that_are_there() -> None:
    assert FairScheduler(BatchingPolicy(8)).next(["a", "b"], STREAMS, 0.0) == Decision(("a", "b"))


RATES = st.lists(st.floats(1, 120), min_size=1, max_size=6)


@given(
    rates=RATES,
    silent=st.integers(0, 2),
    size=st.integers(1, 8),
    wait_s=st.floats(0, 0.05),
    cost_s=st.floats(0, 0.02),
)
def test_nobody_waits_for_another_longer_than_the_bound(
    rates: list[float], silent: int, size: int, wait_s: float, cost_s: float
) -> None:
    """Streams of differing rates, some silent, a worker that takes its time: a life of two seconds."""
    live = [f"s{index}" for index in range(len(rates))]
    streams = [*live, *(f"silent{index}" for index in range(silent))]
    turns = FairScheduler(BatchingPolicy(size, wait_s))
    arrivals = sorted(
        (k / rate, name) for name, rate in zip(live, rates, strict=True) for k in range(1, int(2 * rate))
    )
    heapq.heapify(arrivals)
    waiting: dict[str, float] = {}  # since when the worker could have taken a frame of this stream
    turns_since: dict[str, int] = {}
    now_s = 0.0
    while arrivals or waiting:
        while arrivals and arrivals[0][0] <= now_s:
            _, name = heapq.heappop(arrivals)
            waiting.setdefault(name, now_s)
        turn = turns.next(list(waiting), streams, now_s)
        if turn.streams:
            assert len(turn.streams) == len(set(turn.streams)) <= size
            for name in turn.streams:
                turns_since.pop(name, None)
                waiting.pop(name)
            for name in waiting:
                turns_since[name] = turns_since.get(name, 0) + 1
                assert turns_since[name] <= len(streams) / size + 1  # fair, however fast the others are
            now_s += cost_s
        elif turn.pause_s is None:
            assert not waiting
            now_s = arrivals[0][0] if arrivals else now_s
        else:
            oldest_s = min(waiting.values())
            assert len(waiting) < min(size, len(streams))
            assert now_s + turn.pause_s <= oldest_s + wait_s + 1e-9  # the bound
            until_s = now_s + turn.pause_s + 1e-9
            now_s = min(until_s, arrivals[0][0]) if arrivals else until_s
