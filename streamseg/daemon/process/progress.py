"""Whether the daemon is ready, and whether it still gets on. Pure: all that is seen is an argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from streamseg.types import StreamState

PATIENCE_S = 10.0  # a frame that waits longer for a serving engine waits in vain
_AT_WORK = {StreamState.CONNECTING, StreamState.RUNNING}


@dataclass(frozen=True, slots=True)
class Progress:
    """What is seen of one stream.

    Attributes:
        state: Its state.
        served: Its engine is there.
        handled: Frames that were processed so far, well or not.
        waiting: A frame waits to be.
        masks: Masks made so far.
    """

    state: StreamState
    served: bool = True
    handled: int = 0
    waiting: bool = False
    masks: int = 0

    @property
    def due(self) -> bool:
        """Whether it should make progress; all others wait for something that is said in their state."""
        return self.served and self.state is StreamState.RUNNING


def readiness(seen: Iterable[Progress], waited_s: float, timeout_s: float) -> str | None:
    """What the start has come to, in a line; None while it may still come to more.

    Args:
        seen: All streams.
        waited_s: Seconds since the start.
        timeout_s: After so many the start is through, whatever it came to.
    """
    streams = list(seen)
    if any(stream.masks for stream in streams):
        return "ready"
    if not any(stream.state in _AT_WORK for stream in streams):
        return "degraded: no source gives frames"
    return f"degraded: no mask within {timeout_s:g} s" if waited_s >= timeout_s else None


class Pulse:
    """Tells a daemon that gets on from one that hangs, over several looks."""

    def __init__(self) -> None:
        self._handled: dict[str, int] = {}
        self._owed_since_s: dict[str, float] = {}

    def beats(self, seen: Mapping[str, Progress], now_s: float) -> bool:
        """Whether a stream that should make progress does, or none should."""
        for name, stream in seen.items():
            self._look(name, stream, now_s)
        due = [name for name, stream in seen.items() if stream.due]
        return not due or any(now_s - self._owed_since_s.get(name, now_s) < PATIENCE_S for name in due)

    def _look(self, name: str, stream: Progress, now_s: float) -> None:
        handled, self._handled[name] = self._handled.get(name), stream.handled
        if stream.due and stream.waiting and handled == stream.handled:
            self._owed_since_s.setdefault(name, now_s)
        else:
            self._owed_since_s.pop(name, None)
