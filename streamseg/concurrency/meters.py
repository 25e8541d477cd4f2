"""Small measuring instruments for status lines: a rate and quantiles over sliding windows. Thread-safe."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

LEAST_S = 0.1  # over less, a rate says how fast one event followed another, at best
_PARTS = 256  # of a window: events closer together than that are remembered as one


class RateMeter:
    """Events a second over the last `window_s` seconds, in bounded memory however many there are.

    Make it where the time begins that is to count: an event at that moment is one too many, so a meter that
    is made by the first of a series of events should tick from the second on.
    """

    def __init__(self, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._window_s = window_s
        self._clock = clock
        self._began_s = clock()
        self._ticks: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()

    def tick(self, n: int = 1) -> None:
        """Count `n` events, now."""
        with self._lock:
            now_s = self._clock()
            if self._ticks and now_s - self._ticks[-1][0] < self._window_s / _PARTS:
                now_s, before = self._ticks.pop()
                n += before
            self._ticks.append((now_s, n))
            self._forget()

    @property
    def per_s(self) -> float:
        """Events a second; in the first `window_s` seconds over the time since the meter was made.

        In the first `LEAST_S` seconds it is not known, and 0.
        """
        with self._lock:
            self._forget()
            span_s = min(self._clock() - self._began_s, self._window_s)
            return sum(n for _, n in self._ticks) / span_s if span_s >= LEAST_S else 0.0

    def _forget(self) -> None:
        oldest_s = self._clock() - self._window_s
        while self._ticks and self._ticks[0][0] <= oldest_s:
            self._ticks.popleft()


class Quantiles:
    """Quantiles of the last `window` values."""

    def __init__(self, window: int) -> None:
        self._values: deque[float] = deque(maxlen=window)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return len(self._values)

    def add(self, x: float) -> None:
        """Take one value in; the oldest goes when the window is full."""
        with self._lock:
            self._values.append(x)

    def quantile(self, q: float) -> float:
        """Return the `q`-quantile (0…1, nearest rank: always a value that was added); NaN when empty."""
        with self._lock:
            ordered = sorted(self._values)
        return ordered[min(int(q * len(ordered)), len(ordered) - 1)] if ordered else math.nan
