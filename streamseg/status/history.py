"""The last two minutes of each stream, a sample a second: what the page's small curves show."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from streamseg.status.snapshot import Mean, StreamSnapshot

SAMPLES = 120


@dataclass(frozen=True, slots=True)
class Sample:
    """A stream over the time since the sample before; None where nothing came.

    Attributes:
        age_ms: Mean age of its masks, milliseconds.
        flicker: Mean share of pixels that changed their label, 0…1.
    """

    age_ms: float | None
    flicker: float | None


class History:
    """Made of snapshots taken once in a while; for one thread."""

    def __init__(self) -> None:
        self._before: Mapping[str, StreamSnapshot] = {}
        self._samples: dict[str, deque[Sample]] = {}

    def sample(self, seen: Mapping[str, StreamSnapshot]) -> None:
        """Take one more sample of every stream; those that are gone are forgotten."""
        kept = {name: self._samples.get(name) or deque[Sample](maxlen=SAMPLES) for name in seen}
        for name, now in seen.items():
            kept[name].append(_between(self._before.get(name), now))
        self._before, self._samples = seen, kept

    def of(self, stream: str) -> tuple[Sample, ...]:
        """A stream's samples, the newest last."""
        return tuple(self._samples.get(stream, ()))


def _between(before: StreamSnapshot | None, now: StreamSnapshot) -> Sample:
    if before is None:
        return Sample(None, None)
    age_s = _mean(before.ages_s, now.ages_s)
    flicker = _mean(before.flickers, now.flickers)
    return Sample(None if age_s is None else age_s * 1e3, flicker)


def _mean(before: Mean, now: Mean) -> float | None:
    count = now.count - before.count
    return (now.total - before.total) / count if count > 0 else None
