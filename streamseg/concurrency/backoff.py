"""Waiting times between attempts: growing, capped, and spread so that many clients do not retry in step."""

from __future__ import annotations

import random as _random
from collections.abc import Callable


class Backoff:
    """Exponential waiting times with a cap and jitter.

    The n-th wait lies in `[d * (1 - jitter), d]` with `d = min(initial_s * factor**n, maximum_s)`: jitter
    only shortens, so the cap holds.
    """

    def __init__(
        self,
        initial_s: float,
        maximum_s: float,
        factor: float = 2.0,
        jitter: float = 0.3,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._initial_s = min(initial_s, maximum_s)
        self._maximum_s = maximum_s
        self._factor = factor
        self._jitter = jitter
        self._random = random
        self._next_s = self._initial_s

    def next(self) -> float:
        """Return the seconds to wait before the next attempt, and grow the one after."""
        wait_s = self._next_s * (1.0 - self._jitter * self._random())
        self._next_s = min(self._next_s * self._factor, self._maximum_s)
        return wait_s

    def exhaust(self) -> None:
        """Go straight to the cap: for faults that only a person mends (a wrong password)."""
        self._next_s = self._maximum_s

    def reset(self) -> None:
        """Start again from the initial wait: an attempt has succeeded."""
        self._next_s = self._initial_s
