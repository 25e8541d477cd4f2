"""The state of one stream, made here alone: what its capture says, unless the daemon knows better.

    verdict   the daemon's word: failed (given up), backoff (waits for its restart), ended (taken out)
    held      no engine: a stream that runs is stalled until there is one again
    source    the capture's word: connecting, running (with a note), stalled, backoff, ended, failed

The uppermost that there is counts. A verdict stands until the stream begins anew; what an earlier capture of
the stream may still say is no longer heard.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from streamseg.errors import StreamFault
from streamseg.types import StateChange, StreamState

FINAL = frozenset({StreamState.ENDED, StreamState.FAILED})


@dataclass(frozen=True, slots=True)
class Life:
    """All that the state follows from; every method returns the life after an event. Pure.

    Attributes:
        source: What the capture said last.
        held: What is said while the engine is away.
        verdict: What the daemon decided.
        run: Which capture of the stream it is, by a number that is never used again; what another says is not
            heard.
        note: What a person should know of a stream that runs.
    """

    source: StateChange
    held: StateChange | None = None
    verdict: StateChange | None = None
    run: int = 0
    note: str = ""

    @property
    def state(self) -> StateChange:
        """The state as the world is told."""
        if self.verdict is not None:
            return self.verdict
        if self.source.state is not StreamState.RUNNING:
            return self.source
        if self.held is not None:
            return self.held
        return replace(self.source, message=self.note) if self.note else self.source

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it, unless it begins anew."""
        return self.state.state in FINAL

    def begin(self, source: StateChange, run: int) -> Life:
        """A new capture takes over."""
        return Life(source, self.held, run=run, note=self.note)

    def heard(self, run: int, change: StateChange) -> Life:
        """A capture said something."""
        return replace(self, source=change) if run == self.run else self

    def hold(self, change: StateChange) -> Life:
        """The engine is away."""
        return replace(self, held=change)

    def release(self) -> Life:
        """There is an engine again."""
        return replace(self, held=None)

    def judge(self, verdict: StateChange) -> Life:
        """The daemon decides; over what is final there is nothing to decide."""
        return self if self.over else replace(self, verdict=verdict)


class Lifecycle:
    """The life of one stream, told of from any thread; `tell` hears every state, in order, on that thread.

    Args:
        stream: Its name.
        tell: Takes each state; must return soon, and neither call back nor raise.
        wall: Seconds since 1970.
        runs: The numbers of its runs. Streams of one daemon share them: a stream that is taken out and added
            again under its name must not answer to what was meant for the one before.
    """

    def __init__(
        self,
        stream: str,
        tell: Callable[[StateChange], None],
        wall: Callable[[], float] = time.time,
        runs: Iterator[int] | None = None,
    ) -> None:
        self._stream, self._tell, self._wall = stream, tell, wall
        self._runs = itertools.count() if runs is None else runs
        self._lock = threading.Lock()
        self._life = Life(self._change(StreamState.CONNECTING), run=next(self._runs))
        tell(self._life.state)

    @property
    def state(self) -> StateChange:
        """The state now."""
        return self._life.state

    @property
    def run(self) -> int:
        """Which capture is listened to."""
        return self._life.run

    @property
    def over(self) -> bool:
        """See `Life.over`."""
        return self._life.over

    @property
    def judged(self) -> bool:
        """Whether the daemon decided on it: it waits for its restart, or is over."""
        return self._life.verdict is not None

    def begin(self) -> int:
        """A new capture takes over; returns the number it must speak with."""
        run = next(self._runs)
        self._become(lambda life: life.begin(self._change(StreamState.CONNECTING), run))
        return run

    def heard(self, run: int, change: StateChange) -> None:
        """A capture said something."""
        self._become(lambda life: life.heard(run, change))

    def hold(self, message: str) -> None:
        """The engine is away: stalled, as soon as the stream runs."""
        held = self._change(StreamState.STALLED, StreamFault.ENGINE, message)
        self._become(lambda life: life.hold(held))

    def release(self) -> None:
        """There is an engine again."""
        self._become(Life.release)

    def note(self, text: str) -> None:
        """What a person should know while it runs; empty: nothing."""
        self._become(lambda life: replace(life, note=text))

    def wait(self, fault: StreamFault, message: str, retry_in_s: float) -> None:
        """It is broken, and begins anew in so many seconds."""
        verdict = self._change(StreamState.BACKOFF, fault, message, retry_in_s)
        self._become(lambda life: life.judge(verdict))

    def fail(self, fault: StreamFault, message: str) -> None:
        """It is given up."""
        verdict = self._change(StreamState.FAILED, fault, message)
        self._become(lambda life: life.judge(verdict))

    def remove(self) -> None:
        """It is taken out: ended, whatever it was."""
        verdict = self._change(StreamState.ENDED, StreamFault.REMOVED, "it is no longer in the configuration")
        self._become(lambda life: replace(life, verdict=verdict))

    def _become(self, step: Callable[[Life], Life]) -> None:
        with self._lock:
            before, self._life = self._life.state, step(self._life)
            # since when is no news by itself: a capture says of itself what was already said of it
            if replace(self._life.state, since_unix_s=before.since_unix_s) != before:
                self._tell(self._life.state)

    def _change(
        self,
        state: StreamState,
        fault: StreamFault | None = None,
        message: str = "",
        retry_in_s: float | None = None,
    ) -> StateChange:
        reason = "" if fault is None else fault.value
        return StateChange(self._stream, state, self._wall(), reason, message, retry_in_s)
