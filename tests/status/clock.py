"""Time that passes when told."""

from __future__ import annotations


class Clock:
    """Seconds; set `now_s`."""

    def __init__(self, now_s: float = 100.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s
