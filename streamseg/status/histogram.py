"""How often something took how long: counts by bounds, as Prometheus wants them. Not locked; its owner is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

# Seconds. Few bounds, since every one is a line of every scrape for every stream.
AGE_BOUNDS_S = (0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)
STAGE_BOUNDS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)


@dataclass(frozen=True, slots=True)
class Counts:
    """A histogram at a moment.

    Attributes:
        bounds: Upper bounds, inclusive, ascending; beyond the last is the rest.
        cumulative: How many values were at most each bound; last, how many there were.
        total: Their sum.
    """

    bounds: tuple[float, ...]
    cumulative: tuple[int, ...]
    total: float


NOTHING = Counts((), (0,), 0.0)


class Histogram:
    """Counts values by upper bounds (inclusive, ascending)."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        """Take one value in."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def counts(self) -> Counts:
        """What it holds now."""
        return Counts(self._bounds, tuple(accumulate(self._counts)), self._total)
