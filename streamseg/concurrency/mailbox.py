"""A bounded hand-over between two threads, with a named overflow policy and a count of what it dropped."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Overflow(StrEnum):
    """What `put` does when the mailbox is full."""

    DROP_OLDEST = "drop-oldest"  # live sources: the newest item wins
    BLOCK = "block"  # files read as fast as possible: every item counts


class Closed(Exception):  # noqa: N818  # a state a loop runs into, not an error
    """The mailbox takes and gives nothing any more."""


class Mailbox(Generic[T]):
    """Holds at most `capacity` items; first in, first out.

    `on_put` is called after every accepted item, outside the lock, on the putting thread: it wakes a
    consumer that serves several mailboxes. It is also called on `close`, for that consumer must see it.
    """

    def __init__(self, capacity: int, overflow: Overflow, on_put: Callable[[], None] | None = None) -> None:
        if capacity < 1:
            raise ValueError(f"a mailbox holds at least one item, not {capacity}")
        self._capacity = capacity
        self._overflow = overflow
        self._on_put = on_put
        self._items: deque[T] = deque()
        self._dropped = 0
        self._closed = False
        self._changed = threading.Condition()

    @property
    def overflow(self) -> Overflow:
        """What `put` does when it is full."""
        return self._overflow

    @property
    def dropped(self) -> int:
        """How many items were put and never got: pushed out by newer ones or discarded on close."""
        with self._changed:
            return self._dropped

    @property
    def closed(self) -> bool:
        """Whether `close` was called; items may still wait to be taken."""
        with self._changed:
            return self._closed

    def __len__(self) -> int:
        with self._changed:
            return len(self._items)

    def put(self, item: T, timeout_s: float | None = None) -> bool:
        """Hand over `item`.

        With `DROP_OLDEST` never waits. With `BLOCK` waits for room, at most `timeout_s` seconds (None: no
        limit).

        Returns:
            False if there was no room in time: the item was not taken, nor counted as dropped.

        Raises:
            Closed: The mailbox is closed, or was while waiting.
        """
        with self._changed:
            if self._overflow is Overflow.BLOCK:
                self._changed.wait_for(lambda: self._closed or self._has_room(), timeout_s)
            if self._closed:
                raise Closed
            if self._overflow is Overflow.BLOCK and not self._has_room():
                return False
            self._make_room()
            self._items.append(item)
            self._changed.notify_all()
        self._tell()
        return True

    def get(self, timeout_s: float | None = None) -> T:
        """Take the oldest item, waiting for one at most `timeout_s` seconds (None: for ever).

        Raises:
            TimeoutError: Nothing came in time.
            Closed: The mailbox is closed and empty.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._items), timeout_s)
            if not self._items:
                raise Closed if self._closed else TimeoutError
            return self._take()

    def poll(self) -> T | None:
        """Take the oldest item if there is one; never waits.

        Raises:
            Closed: The mailbox is closed and empty.
        """
        with self._changed:
            if self._items:
                return self._take()
            if self._closed:
                raise Closed
            return None

    def close(self, *, discard: bool) -> None:
        """Take no more items. Idempotent; a later call may still discard.

        Blocked `put`s raise `Closed`. Blocked `get`s get what is left, then `Closed`.

        Args:
            discard: Throw away (and count) what waits, instead of letting the consumer drain it.
        """
        with self._changed:
            self._closed = True
            if discard:
                self._dropped += len(self._items)
                self._items.clear()
            self._changed.notify_all()
        self._tell()

    def _has_room(self) -> bool:
        return len(self._items) < self._capacity

    def _make_room(self) -> None:
        while not self._has_room():
            self._items.popleft()
            self._dropped += 1

    def _take(self) -> T:
        item = self._items.popleft()
        self._changed.notify_all()
        return item

    def _tell(self) -> None:
        if self._on_put is not None:
            self._on_put()
