"""How often what fails is tried again, and what is tried next. Pure: the time is an argument."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0


class RestartPolicy:
    """The restarts of one stream: ever longer waits, and an end where there were too many lately."""

    def __init__(self) -> None:
        self._at_s: deque[float] = deque()

    def wait_s(self, now_s: float, limit: int, window_s: float) -> float | None:
        """How long to wait before the next restart, seconds; None where it is not to be restarted any more.

        Args:
            now_s: Monotonic seconds.
            limit: How many restarts there may be in the window.
            window_s: How far back restarts count.
        """
        while self._at_s and now_s - self._at_s[0] >= window_s:
            self._at_s.popleft()
        if len(self._at_s) >= limit:
            return None
        self._at_s.append(now_s)
        return min(FIRST_WAIT_S * 2.0 ** (len(self._at_s) - 1), LONGEST_WAIT_S)


class RecoveryStep(StrEnum):
    """What is done about an engine that fails."""

    REBUILD = "rebuild"  # make it again as it was
    FALL_BACK = "fall back"  # make it with another backend
    GIVE_UP = "give up"


class RecoveryPolicy:
    """Up a rung with each failure; from the bottom again once there was none for a while."""

    def __init__(self) -> None:
        self._climbed = 0
        self._failed_s = float("-inf")

    def next(self, now_s: float, window_s: float, *, fallback: bool) -> RecoveryStep:
        """The engine has failed: what to do.

        Args:
            now_s: Monotonic seconds.
            window_s: A failure this long after the one before is a first one.
            fallback: Another backend may be taken.
        """
        if now_s - self._failed_s >= window_s:
            self._climbed = 0
        self._failed_s = now_s
        rungs = (
            [RecoveryStep.REBUILD, RecoveryStep.FALL_BACK, RecoveryStep.GIVE_UP]
            if fallback
            else [RecoveryStep.REBUILD, RecoveryStep.GIVE_UP]
        )
        rung = rungs[min(self._climbed, len(rungs) - 1)]
        self._climbed += 1
        return rung
