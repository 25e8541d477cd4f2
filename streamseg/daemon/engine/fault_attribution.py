"""Whose fault it is that frames cannot be processed: their stream's or the engine's. Pure.

An engine that is broken fails every stream. As long as another one's newest frame went well, the engine
works, and whoever fails has himself to blame.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

ENGINE_FAILURES = 10  # frames in a row, of all streams together, that tell of a broken engine
STREAM_FAILURES = 25  # frames in a row of one stream that tell of a broken stream
WITNESS_S = 60.0  # a success longer ago says nothing about the engine of today


class FaultSource(Enum):
    """Who is to be mended."""

    NOBODY = "nobody"
    STREAM = "stream"
    ENGINE = "engine"


@dataclass(slots=True)
class _Record:
    failures: int = 0  # in a row
    worked_s: float = float("-inf")


class Failures:
    """What became of the newest frames of each stream, on one engine."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}
        self._told = False

    def worked(self, stream: str, now_s: float) -> None:
        """A frame went well."""
        record = self._records.setdefault(stream, _Record())
        record.failures, record.worked_s = 0, now_s

    def forget(self, stream: str) -> None:
        """The stream is gone, or begins anew."""
        self._records.pop(stream, None)

    @property
    def failing_streams(self) -> frozenset[str]:
        """The streams whose newest frame failed."""
        return frozenset(name for name, record in self._records.items() if record.failures)

    def failed(self, stream: str, now_s: float) -> FaultSource:
        """A frame failed; whose fault that is by now. The engine is blamed once, a stream once a row."""
        record = self._records.setdefault(stream, _Record())
        record.failures += 1
        if not self._told and self._engine_is_broken(now_s):
            self._told = True
            return FaultSource.ENGINE
        return FaultSource.STREAM if record.failures == STREAM_FAILURES else FaultSource.NOBODY

    def _engine_is_broken(self, now_s: float) -> bool:
        if any(r.failures == 0 and now_s - r.worked_s < WITNESS_S for r in self._records.values()):
            return False
        return sum(record.failures for record in self._records.values()) >= ENGINE_FAILURES
