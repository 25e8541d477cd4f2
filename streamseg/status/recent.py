"""Answers that take long to make, kept for a moment: a flood of requests must not take the engine's time."""

from __future__ import annotations

import time
from collections.abc import Callable

KEEP_S = 0.2


class Recent:
    """Calls `make` at most once in `keep_s` seconds, and gives its last result in between; for one thread."""

    def __init__(
        self, make: Callable[[], bytes], keep_s: float = KEEP_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._make, self._keep_s, self._clock = make, keep_s, clock
        self._made: bytes | None = None
        self._until_s = 0.0

    def __call__(self) -> bytes:
        """The result, at most `keep_s` old."""
        if self._made is None or self._clock() >= self._until_s:
            self._made = self._make()
            self._until_s = self._clock() + self._keep_s
        return self._made
