"""One event in a while passes, and tells how many did not."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given

from streamseg.concurrency.rate_limit import RateLimiter


def test_the_first_passes_the_next_wait() -> None:
    now_s = 100.0
    throttle = RateLimiter(1.0, lambda: now_s)
    assert [throttle.pass_on() for _ in range(4)] == [0, None, None, None]
    now_s = 101.0
    assert [throttle.pass_on() for _ in range(2)] == [3, None]
    now_s = 105.0
    assert throttle.pass_on() == 1


@given(st.lists(st.integers(0, 24).map(lambda eighths: eighths / 8), max_size=50))  # sums are exact
def test_every_event_is_passed_on_or_counted_once(pauses_s: list[float]) -> None:
    now_s, passed, passed_at_s = 0.0, list[int](), list[float]()
    throttle = RateLimiter(1.0, lambda: now_s)
    for pause_s in pauses_s:
        now_s += pause_s
        held = throttle.pass_on()
        if held is not None:
            passed.append(held)
            passed_at_s.append(now_s)
    assert sum(passed) + len(passed) <= len(pauses_s)
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(passed_at_s))
    now_s += 1.0
    assert sum(passed) + len(passed) + (throttle.pass_on() or 0) == len(pauses_s)
