"""Where the main thread sits: it does what other threads hand in and what has come due, until the end.

Whatever starts, ends or replaces something runs there, one thing after the other; so nothing of it needs a
lock, and none of it can meet the stop half-way. What one action raises is logged and counted, and the next is
done: the main thread ends when it is asked to, and for no other reason.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from streamseg.daemon.events import CallbackErrors

Action = Callable[[], None]

MOST_WAITING = 4096  # a few for each stream at the worst; past it the main thread hangs and nothing helps
_ACTION = "main_thread_action"  # what errors in actions are counted as
_LOG = logging.getLogger(__name__)


class EventLoop:
    """Actions in the order they were handed in; `work` is for one thread, the rest for any.

    Attributes:
        errors: What actions raised.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, errors: CallbackErrors | None = None
    ) -> None:
        self._clock = clock
        self.errors = errors or CallbackErrors()
        self.errors.register(_ACTION)
        self._changed = threading.Condition()
        self._waiting: deque[Action] = deque()
        self._later: list[tuple[float, int, Action]] = []
        self._numbers = (
            itertools.count()
        )  # of what comes due at the same time the first handed in is done first
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether the end was asked for."""
        with self._changed:
            return self._ended

    def hand_in(self, action: Action, *, once: bool = False) -> None:
        """Have something done soon; never waits. What is handed in after the end is not done.

        Args:
            action: What to do.
            once: Not again where the very same waits already.
        """
        with self._changed:
            if once and action in self._waiting:
                return
            if len(self._waiting) >= MOST_WAITING:
                _LOG.error("the main thread does not keep up; dropped a piece of its work")
                return
            self._waiting.append(action)
            self._changed.notify_all()

    def after(self, seconds: float, action: Action) -> None:
        """Have something done in so many seconds."""
        with self._changed:
            heapq.heappush(self._later, (self._clock() + seconds, next(self._numbers), action))
            self._changed.notify_all()

    def end(self) -> None:
        """Ask for the end: `work` returns, and what waits is not done. Idempotent."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def work(self, timeout_s: float) -> None:
        """Do what waits and is due; where there is nothing, wait for it at most `timeout_s` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._has_work(), self._patience_s(timeout_s))
        while (action := self._next()) is not None:
            try:
                action()
            except Exception as error:  # noqa: BLE001 - the top of the main thread
                self.errors.record(_ACTION, error)

    def _has_work(self) -> bool:
        return bool(self._waiting) or (bool(self._later) and self._later[0][0] <= self._clock())

    def _patience_s(self, timeout_s: float) -> float:
        return min([timeout_s, *(max(0.0, due_s - self._clock()) for due_s, _, _ in self._later[:1])])

    def _next(self) -> Action | None:
        with self._changed:
            if self._ended or not self._has_work():
                return None
            if self._later and self._later[0][0] <= self._clock():
                return heapq.heappop(self._later)[2]
            return self._waiting.popleft()
