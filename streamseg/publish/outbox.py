"""Masks on their way to the publishing thread: one place a stream, the newest wins, all are counted."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace

from streamseg.types import Segmentation


@dataclass(frozen=True, slots=True)
class Pending:
    """A mask that waits to be published.

    Attributes:
        segmentation: The mask and its frame.
        encoding: How its body is to be encoded.
        model_sha256: Hash of the model that made it; empty where not known.
        seq: Its number in its stream.
        dropped: Masks of the stream that gave way to newer ones so far.
    """

    segmentation: Segmentation
    encoding: str
    model_sha256: str
    seq: int
    dropped: int


class Outbox:
    """Any thread puts, one takes; nobody waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[str, Pending] = {}
        self._made: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        with self._lock:
            return len(self._pending)

    def count(self, stream: str) -> None:
        """Number a mask that nobody wants to have."""
        with self._lock:
            self._made[stream] += 1

    def put(self, segmentation: Segmentation, encoding: str, model_sha256: str) -> None:
        """Number a mask and keep it until it is taken or a newer one of its stream comes."""
        stream = segmentation.frame.stream
        with self._lock:
            if (waiting := self._pending.get(stream)) is not None:
                self._dropped[stream] += 1
                # whoever missed the mask after which the memory was let go must still hear of it
                segmentation = replace(segmentation, reset=segmentation.reset or waiting.segmentation.reset)
            seq = self._made[stream]
            self._made[stream] += 1
            # in place: a stream that is often replaced keeps its turn
            self._pending[stream] = Pending(segmentation, encoding, model_sha256, seq, self._dropped[stream])

    def take(self) -> Pending | None:
        """Take the mask that waits longest."""
        with self._lock:
            stream = next(iter(self._pending), None)
            return None if stream is None else self._pending.pop(stream)

    def newest(self, stream: str) -> int | None:
        """Number of the stream's newest mask that waits no more; None before the first."""
        with self._lock:
            made = self._made[stream] - (stream in self._pending)
        return made - 1 if made else None

    def dropped(self, stream: str) -> int:
        """How many masks of the stream gave way to newer ones."""
        with self._lock:
            return self._dropped[stream]
