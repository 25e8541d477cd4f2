"""One snapshot a stream, written by the threads that know and read by the ones that tell."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping

from streamseg.status.histogram import LatencyHistograms
from streamseg.status.snapshot import FRESH_S, Event, StreamSnapshot, Tally
from streamseg.status.stream_stats import StreamStats
from streamseg.types import ModelInfo, Segmentation, StateChange, StreamState

BUSY = ("infer", "stabilise")  # the stages in which the engine's thread works on a mask


class StatusRegistry:
    """All streams' snapshots; every method may be called from any thread.

    What is said of a stream that was never added, or was removed, is not kept: a mask may still be under way
    when its stream goes.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        wall: Callable[[], float],
        callback_errors: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._clock, self._wall, self._callback_errors = clock, wall, callback_errors
        self._lock = threading.Lock()
        self._entries: dict[str, StreamStats] = {}
        self._busy_s: defaultdict[str, float] = defaultdict(float)
        self._engines: dict[str, str] = {}  # by stream
        self.latencies = LatencyHistograms()

    def add(
        self,
        stream: str,
        tally: Callable[[], Tally] = Tally,
        *,
        required: bool = True,
        fresh_s: float = FRESH_S,
    ) -> None:
        """Begin to keep a stream; it is `connecting` until it says more.

        Args:
            stream: Its name.
            tally: Asks its parts what they count; never goes back.
            required: The whole is not ready while it gives no masks.
            fresh_s: For how many seconds a mask counts as fresh.
        """
        change = StateChange(stream, StreamState.CONNECTING, self._wall())
        with self._lock:
            if stream in self._entries:
                self.latencies.remove(stream)
            entry = StreamStats(change, tally, *self.latencies.add(stream), self._clock, self._wall)
            entry.require(required, fresh_s)
            self._entries[stream] = entry

    def require(self, stream: str, *, required: bool, fresh_s: float = FRESH_S) -> None:
        """Take in what else is asked of a stream; see `add`."""
        if entry := self._entries.get(stream):
            entry.require(required, fresh_s)

    def remove(self, stream: str) -> None:
        """Forget a stream."""
        with self._lock:
            if self._entries.pop(stream, None):
                self.latencies.remove(stream)
            self._engines.pop(stream, None)

    def changed(self, change: StateChange) -> None:
        """Take in a stream's new state."""
        if entry := self._entries.get(change.stream):
            entry.changed(change)

    def serve(self, stream: str, engine: str, model: ModelInfo) -> None:
        """Take in which engine serves a stream, and with what."""
        if entry := self._entries.get(stream):
            self._engines[stream] = engine
            entry.serve(engine, model)

    def mask(self, segmentation: Segmentation) -> None:
        """Take in a mask that was just made."""
        stream = segmentation.frame.stream
        if entry := self._entries.get(stream):
            entry.mask(segmentation)
            spent_ms = sum(segmentation.ms.get(stage, 0.0) for stage in BUSY)
            with self._lock:
                self._busy_s[self._engines.get(stream, "")] += spent_ms / 1e3

    def failed(self, stream: str, text: str = "") -> None:
        """Take in that a frame could not be processed, and why, in a line."""
        if entry := self._entries.get(stream):
            entry.failed(text)

    def published(self, stream: str, encode_ms: float, superseded: int) -> None:
        """Take in that a mask was sent, what encoding it took, and how many newer ones replaced so far."""
        if entry := self._entries.get(stream):
            entry.published(encode_ms, superseded)

    def snapshot(self, stream: str) -> StreamSnapshot:
        """What is known of a stream now. Raises KeyError for a stream that is not kept."""
        return self._entries[stream].snapshot()

    def snapshots(self, *, lately: bool = True) -> dict[str, StreamSnapshot]:
        """All streams, in the order they were added; faster without `lately` (see `StreamStats`)."""
        with self._lock:
            entries = dict(self._entries)
        return {name: entry.snapshot(lately=lately) for name, entry in entries.items()}

    def events(self, stream: str) -> tuple[Event, ...]:
        """What happened to a stream lately, the newest last. Raises KeyError as above."""
        return self._entries[stream].events

    @property
    def busy_s(self) -> dict[str, float]:
        """Seconds that each engine has spent on masks."""
        with self._lock:
            return dict(self._busy_s)

    @property
    def callback_errors(self) -> Mapping[str, int]:
        """Errors in callbacks so far, by event."""
        return self._callback_errors()
