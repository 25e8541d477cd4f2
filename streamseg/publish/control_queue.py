"""What is known of each stream, and what of it is due to be told: info, status and beat."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self, TypeAlias

from streamseg.types import ModelInfo
from streamseg.wire.control_headers import HeartbeatHeader, InfoHeader, StatusHeader
from streamseg.wire.topics import Kind, topic

INFO_EVERY_S = 5.0
BEAT_EVERY_S = 1.0
GREET_EVERY_S = 0.25  # whoever subscribes ever again must not have everybody sent infos as fast as can be
GREET_AT_ONCE = 8  # newcomers in a row who need not wait
MOST_DUE = 1024  # no number of streams comes near; past it the oldest gives way

Notice: TypeAlias = InfoHeader | StatusHeader | HeartbeatHeader


@dataclass(slots=True)
class _Known:
    info_topic: bytes
    status_topic: bytes
    info: InfoHeader | None = None
    status: StatusHeader | None = None
    greeted_s: dict[Kind, float] = field(default_factory=dict)  # runs ahead of the clock with each newcomer

    @classmethod
    def of(cls, stream: str) -> Self:
        return cls(topic(stream, Kind.INFO), topic(stream, Kind.STATUS))


@dataclass(frozen=True, slots=True)
class _Due:
    """Something to be told; of an info or a beat what holds when its turn comes, of a status every one."""

    stream: str
    kind: Kind
    status: StatusHeader | None = None


class ControlQueue:
    """A queue of what is due; the same thing never waits twice in it, whatever subscribers do. Thread-safe.

    Args:
        epoch: This run of the daemon.
        newest: The number of a stream's newest mask, for its beat.
        clock: Monotonic seconds, for when something is due.
        wall: Seconds since 1970, for what the messages say.
    """

    def __init__(
        self,
        epoch: str,
        newest: Callable[[str], int | None],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._epoch = epoch
        self._newest = newest
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._due: dict[_Due, None] = {}  # a set that keeps its order
        self._later: dict[tuple[str, Kind], float] = {}  # for newcomers, when it will be due
        self._info_at_s = clock() + INFO_EVERY_S
        self._beat_at_s = clock() + BEAT_EVERY_S
        self.dropped = 0

    def __len__(self) -> int:
        with self._lock:
            return len(self._due)

    def inform(self, info: InfoHeader) -> None:
        """Keep a stream's info; it is due if it is news."""
        with self._lock:
            known = self._know(info.stream)
            if known.info != info:
                known.info = info
                self._add(_Due(info.stream, Kind.INFO))

    def report(self, status: StatusHeader) -> None:
        """Keep a stream's status; it is due."""
        with self._lock:
            self._know(status.stream).status = status
            self._add(_Due(status.stream, Kind.STATUS, status))

    def forget(self, stream: str) -> None:
        """Say no more of a stream, once the statuses that are due have gone out."""
        with self._lock:
            self._known.pop(stream, None)

    def model(self, stream: str) -> ModelInfo | None:
        """Return the model that makes a stream's masks."""
        with self._lock:
            known = self._known.get(stream)
        return known.info.model if known and known.info else None

    def greet(self, wanted: bytes) -> None:
        """Make due what a new subscription to `wanted` can see: infos and the latest statuses.

        After `GREET_AT_ONCE` newcomers in a row it is due once in `GREET_EVERY_S`, for all who came since.
        """
        with self._lock:
            for stream, known in self._known.items():
                if known.info and known.info_topic.startswith(wanted):
                    self._greet(stream, Kind.INFO, known)
                if known.status and known.status_topic.startswith(wanted):
                    self._greet(stream, Kind.STATUS, known)

    @property
    def wait_s(self) -> float:
        """Seconds until `tick` has something to do."""
        with self._lock:
            return max(0.0, min(self._info_at_s, self._beat_at_s, *self._later.values()) - self._clock())

    def tick(self) -> None:
        """Make due what the clock says."""
        with self._lock:
            now_s = self._clock()
            self._greet_later()
            if now_s >= self._info_at_s:
                self._info_at_s = now_s + INFO_EVERY_S
                self._add_all(Kind.INFO)
            if now_s >= self._beat_at_s:
                self._beat_at_s = now_s + BEAT_EVERY_S
                self._add_all(Kind.BEAT)

    def take(self) -> Notice | None:
        """Take what has been due for longest; None where nothing is."""
        with self._lock:
            while self._due:
                due = next(iter(self._due))
                del self._due[due]
                if (notice := self._compose(due)) is not None:
                    return notice
        return None

    def _know(self, stream: str) -> _Known:
        if (known := self._known.get(stream)) is None:
            known = self._known[stream] = _Known.of(stream)
        return known

    def _greet(self, stream: str, kind: Kind, known: _Known) -> None:
        """A leaky bucket (GCRA of ATM's traffic management): steady at one in `GREET_EVERY_S`."""
        now_s = self._clock()
        ahead_s = max(known.greeted_s.get(kind, 0.0) - now_s, 0.0)
        if ahead_s > (GREET_AT_ONCE - 1) * GREET_EVERY_S:
            self._later.setdefault((stream, kind), now_s + GREET_EVERY_S)
            return
        known.greeted_s[kind] = now_s + ahead_s + GREET_EVERY_S
        self._add(_Due(stream, kind, known.status if kind is Kind.STATUS else None))

    def _greet_later(self) -> None:
        now_s = self._clock()
        for stream, kind in [key for key, at_s in self._later.items() if at_s <= now_s]:
            del self._later[stream, kind]
            known = self._known.get(stream)
            if known is not None and kind is Kind.INFO:
                self._add(_Due(stream, kind))
            elif known is not None and known.status is not None:
                self._add(_Due(stream, kind, known.status))

    def _compose(self, due: _Due) -> Notice | None:
        if due.status is not None:
            return due.status
        known = self._known.get(due.stream)
        if known is None:
            return None  # forgotten meanwhile
        if due.kind is Kind.INFO:
            return known.info
        return HeartbeatHeader(due.stream, self._epoch, self._newest(due.stream), self._wall())

    def _add_all(self, kind: Kind) -> None:
        for stream in self._known:
            self._add(_Due(stream, kind))

    def _add(self, due: _Due) -> None:
        if len(self._due) >= MOST_DUE and due not in self._due:
            del self._due[next(iter(self._due))]
            self.dropped += 1
        self._due[due] = None
