"""What is held back, and that nothing is lost without a word: over any sequence of times and kinds."""

from __future__ import annotations

from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from streamseg.daemon.process import log_rate_limit
from streamseg.daemon.process.log_rate_limit import KINDS, Repeats


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_the_first_pass_and_the_newest_comes_out_with_the_count() -> None:
    clock = Clock()
    held: Repeats[int] = Repeats(3, 10.0, clock)
    assert [list(held.take("a", n)) for n in range(6)] == [[(0, 0)], [(1, 0)], [(2, 0)], [], [], []]
    clock.now_s = 9.9
    assert list(held.take("b", 100)) == [(100, 0)]  # another kind is not touched
    clock.now_s = 10.0
    assert list(held.take("b", 101)) == [(5, 2), (101, 0)]
    assert list(held.take("a", 7)) == [(7, 0)]  # a new window


def test_what_is_held_at_the_end_is_told() -> None:
    held: Repeats[int] = Repeats(1, 10.0, Clock())
    for n in range(4):
        list(held.take("a", n))
    list(held.take("b", 9))
    assert list(held.rest()) == [(3, 2)]
    assert list(held.rest()) == []


def test_made_up_kinds_do_not_fill_the_memory() -> None:
    held: Repeats[int] = Repeats(1, 10.0, Clock())
    list(held.take(0, 0))
    list(held.take(0, 1))
    told = [said for kind in range(1, KINDS + 1) for said in held.take(kind, kind)]
    assert (1, 0) in told  # the oldest made room and was told
    assert len(held._windows) == KINDS


@given(
    steps=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 15)), max_size=60),
    most=st.integers(1, 4),
)
def test_every_item_is_told_or_counted(steps: list[tuple[str, float]], most: int) -> None:
    clock = Clock()
    held: Repeats[str] = Repeats(most, 10.0, clock)
    told: Counter[str] = Counter()
    at: defaultdict[str, list[float]] = defaultdict(list)
    for kind, pause_s in steps:
        clock.now_s += pause_s
        for item, more in held.take(kind, kind):
            told[item] += 1 + more
            at[item].append(clock.now_s)
    for item, more in held.rest():
        told[item] += 1 + more
    assert told == Counter(kind for kind, _ in steps)
    # in any window's length at most two windows' worth and the two held back
    for times in at.values():
        assert all(sum(t <= x < t + log_rate_limit.WINDOW_S for x in times) <= 2 * most + 2 for t in times)
