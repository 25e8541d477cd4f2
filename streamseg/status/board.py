"""One snapshot a stream, written by the threads that know and read by the ones that tell."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from streamseg.flow.meters import Quantiles, RateMeter
from streamseg.types import StateChange, StreamState

WINDOW_S = 5.0  # of the rate
SAMPLES = 300  # of the ages and times


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """What is known of a stream at a moment.

    Attributes:
        change: Its newest state and why.
        masks: Masks made so far.
        fps: Masks a second, lately.
        age_ms_p50, age_ms_p95: From capture to mask, milliseconds; nan before the first.
        infer_ms_p50: The segmenter's share of it.
        drops: Frames dropped before inference.
        resets: How often its memory was let go.
        failures: Frames that could not be processed.
    """

    change: StateChange
    masks: int
    fps: float
    age_ms_p50: float
    age_ms_p95: float
    infer_ms_p50: float
    drops: int
    resets: int
    failures: int


@dataclass
class _Entry:
    change: StateChange
    rate: RateMeter
    ages_ms: Quantiles = field(default_factory=lambda: Quantiles(SAMPLES))
    infer_ms: Quantiles = field(default_factory=lambda: Quantiles(SAMPLES))
    masks: int = 0
    drops: int = 0
    resets: int = 0
    failures: int = 0


class Board:
    """All streams' snapshots; every method may be called from any thread."""

    def __init__(self, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._clock, self._wall = clock, wall
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    def add(self, stream: str) -> None:
        """Begin to keep a stream; it is `connecting` until it says more."""
        change = StateChange(stream, StreamState.CONNECTING, self._wall())
        with self._lock:
            self._entries[stream] = _Entry(change, RateMeter(WINDOW_S, self._clock))

    def changed(self, change: StateChange) -> None:
        """Take in a stream's new state."""
        with self._lock:
            self._entries[change.stream].change = change

    def mask(self, stream: str, *, age_ms: float, infer_ms: float, drops: int, reset: bool) -> None:
        """Take in that a mask was made."""
        with self._lock:
            entry = self._entries[stream]
            entry.rate.tick()
            entry.ages_ms.add(age_ms)
            entry.infer_ms.add(infer_ms)
            entry.masks += 1
            entry.resets += reset
            entry.drops = drops

    def failed(self, stream: str) -> None:
        """Take in that a frame could not be processed."""
        with self._lock:
            self._entries[stream].failures += 1

    def snapshot(self, stream: str) -> StreamSnapshot:
        """What is known of a stream now. Raises KeyError for a stream never added."""
        with self._lock:
            entry = self._entries[stream]
            return StreamSnapshot(
                change=entry.change,
                masks=entry.masks,
                fps=entry.rate.per_s,
                age_ms_p50=entry.ages_ms.quantile(0.5),
                age_ms_p95=entry.ages_ms.quantile(0.95),
                infer_ms_p50=entry.infer_ms.quantile(0.5),
                drops=entry.drops,
                resets=entry.resets,
                failures=entry.failures,
            )

    def snapshots(self) -> dict[str, StreamSnapshot]:
        """All streams, in the order they were added."""
        with self._lock:
            names = list(self._entries)
        return {name: self.snapshot(name) for name in names}
