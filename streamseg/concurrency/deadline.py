"""One time limit carried through many steps."""

from __future__ import annotations

import time
from collections.abc import Callable


class Deadline:
    """A point in time shared by several waits, so that together they take no longer than one.

    Attributes:
        seconds: The limit it was made with, seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._at = clock() + seconds

    @property
    def remaining_s(self) -> float:
        """Seconds left; never below zero."""
        return max(0.0, self._at - self._clock())

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return self.remaining_s == 0.0
