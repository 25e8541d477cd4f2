"""Whose frames are computed next, and whether to wait for more to be computed with them. Pure.

A frame goes as soon as the batch is full, or every stream has one, or it has waited long enough: a stream
that is slow or silent costs the others no more than that. Where there are more frames than a batch holds,
those streams go first whose last turn was longest ago.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchingPolicy:
    """How frames are put together.

    Attributes:
        size: Most frames of a batch, each of another stream; 1: every frame goes alone, at once.
        wait_s: Longest that a frame waits for others, seconds; 0: it goes with those that are there.
    """

    size: int = 1
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now.

    Attributes:
        streams: Take these streams' frames; none: wait.
        pause_s: How long, at most, seconds; None: until something comes.
    """

    streams: tuple[str, ...] = ()
    pause_s: float | None = None


class FairScheduler:
    """Decides turn by turn; the clock is the caller's."""

    def __init__(self, batching: BatchingPolicy | None = None) -> None:
        self.batching = batching or BatchingPolicy()
        self._since_s: dict[str, float] = {}  # when a frame of each stream was first seen waiting
        self._last: dict[str, int] = {}  # the number of each stream's last turn
        self._number = 0

    def next(self, waiting: Sequence[str], streams: Sequence[str], now_s: float) -> Decision:
        """What to do now.

        Args:
            waiting: The streams that have a frame.
            streams: All that might have one soon.
            now_s: Monotonic seconds.
        """
        self._since_s = {stream: self._since_s.get(stream, now_s) for stream in waiting}
        if not waiting:
            return Decision()
        enough = min(self.batching.size, len(streams))
        left_s = min(self._since_s.values()) + self.batching.wait_s - now_s
        if len(waiting) < enough and left_s > 0:
            return Decision(pause_s=left_s)
        return Decision(self._choose(waiting, streams))

    def _choose(self, waiting: Sequence[str], streams: Sequence[str]) -> tuple[str, ...]:
        self._number += 1
        self._last = {stream: self._last.get(stream, 0) for stream in streams}
        chosen = sorted(waiting, key=lambda stream: self._last.get(stream, 0))[: self.batching.size]
        for stream in chosen:
            self._last[stream] = self._number
            del self._since_s[stream]
        return tuple(chosen)
