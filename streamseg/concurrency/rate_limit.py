"""How often something may be said: once in a while, with the number of times it was not."""

from __future__ import annotations

import time
from collections.abc import Callable


class RateLimiter:
    """Lets one event through in `every_s` seconds; not for two threads at once."""

    def __init__(self, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._clock = every_s, clock
        self._next_s, self._held = -float("inf"), 0

    def pass_on(self) -> int | None:
        """Count an event; how many were held back before it, or None where it is held back itself."""
        now_s = self._clock()
        if now_s < self._next_s:
            self._held += 1
            return None
        self._next_s = now_s + self._every_s
        held, self._held = self._held, 0
        return held
