"""Counts by bounds."""

from __future__ import annotations

import pytest

from streamseg.status.histogram import AGE_BOUNDS_S, NOTHING, STAGE_BOUNDS_S, Histogram


def test_bounds_are_inclusive_and_counts_add_up() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 7.0):
        histogram.add(value)
    seen = histogram.counts()
    assert seen.cumulative == (2, 4, 5)
    assert seen.total == 12.0
    assert seen.bounds == (1.0, 2.0)


def test_what_was_seen_does_not_change_later() -> None:
    histogram = Histogram((1.0,))
    before = histogram.counts()
    histogram.add(0.0)
    assert before.cumulative == (0, 0)
    assert NOTHING.cumulative[-1] == 0


@pytest.mark.parametrize("bounds", [AGE_BOUNDS_S, STAGE_BOUNDS_S])
def test_the_bounds_ascend(bounds: tuple[float, ...]) -> None:
    assert list(bounds) == sorted(set(bounds))
