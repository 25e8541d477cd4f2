"""A mapping that a publisher cannot fill without end: the newest entries, bounded in number and in cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

V = TypeVar("V")


class Bounded(Mapping[str, V], Generic[V]):
    """Keys in the order in which they were last kept; the oldest give way.

    Args:
        most: Entries that may be kept.
        most_cost: What they may cost together; the newest is kept whatever it costs.
    """

    def __init__(self, most: int, most_cost: float = float("inf")) -> None:
        self._most, self._most_cost = most, most_cost
        self._entries: dict[str, tuple[V, int]] = {}
        self._cost = 0

    def __getitem__(self, key: str) -> V:
        return self._entries[key][0]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._entries))  # whoever looks from another thread must not trip over a change

    def __len__(self) -> int:
        return len(self._entries)

    def keep(self, key: str, value: V, cost: int = 0) -> list[tuple[str, V]]:
        """Put an entry last, in place of an older one of its key; returns what gave way, oldest first."""
        self.pop(key)
        self._entries[key] = (value, cost)
        self._cost += cost
        gone: list[tuple[str, V]] = []
        while len(self._entries) > self._most or (self._cost > self._most_cost and len(self._entries) > 1):
            oldest = next(iter(self._entries))
            gone.append((oldest, self._entries[oldest][0]))
            self.pop(oldest)
        return gone

    def pop(self, key: str) -> V | None:
        """Take an entry out; None where there is none."""
        value, cost = self._entries.pop(key, (None, 0))
        self._cost -= cost
        return value
