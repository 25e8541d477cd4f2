"""What is said over and over: a few times as it is, then now and then, with how often it was not."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 10  # alike, within a window
WINDOW_S = 10.0
KINDS = 512  # that are remembered; more are never in use at once, unless someone makes them up


@dataclass(slots=True)
class _Window(Generic[T]):
    ends_s: float
    passed: int = 0
    held: int = 0
    newest: T | None = None


class Repeats(Generic[T]):
    """Passes items on, but at most `most` alike within `window_s` seconds; not for two threads at once.

    Of what is held back, the newest comes out once its window has ended, with the number of those before it:
    nothing is lost without a word, and the last state is always told.
    """

    def __init__(
        self, most: int = MOST, window_s: float = WINDOW_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._window_s, self._clock = most, window_s, clock
        self._windows: OrderedDict[Hashable, _Window[T]] = OrderedDict()  # in the order of their ends

    def take(self, kind: Hashable, item: T) -> Iterator[tuple[T, int]]:
        """What is to be said now, each with how many like it were not: what is due, and perhaps `item`."""
        yield from self._due()
        window = self._windows.get(kind)
        if window is None:
            if len(self._windows) == KINDS:
                yield from self._end()
            window = self._windows[kind] = _Window(self._clock() + self._window_s)
        if window.passed < self._most:
            window.passed += 1
            yield item, 0
        else:
            window.held += 1
            window.newest = item

    def rest(self) -> Iterator[tuple[T, int]]:
        """All that is held back, at the end."""
        while self._windows:
            yield from self._end()

    def _due(self) -> Iterator[tuple[T, int]]:
        now_s = self._clock()
        while self._windows and next(iter(self._windows.values())).ends_s <= now_s:
            yield from self._end()

    def _end(self) -> Iterator[tuple[T, int]]:
        """End the window that ends first."""
        _, window = self._windows.popitem(last=False)
        if window.newest is not None:
            yield window.newest, window.held - 1
