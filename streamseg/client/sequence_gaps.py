"""Which masks never came: counted by their numbers, told with the next mask that does come."""

from __future__ import annotations

from dataclasses import dataclass

from streamseg.client.bounded import Bounded

MOST_STREAMS = 4096


@dataclass(slots=True)
class _Progress:
    epoch: str
    seq: int
    lost: int = 0


class Gaps:
    """Of each stream the highest number so far, and the losses that were not told yet.

    Numbers of another epoch (the daemon was restarted) do not compare. A number that is not above the highest
    of its epoch is a repetition: it neither adds to the losses nor makes what comes after it look like one.
    """

    def __init__(self) -> None:
        self._streams: Bounded[_Progress] = Bounded(MOST_STREAMS)

    def arrived(self, stream: str, epoch: str, seq: int) -> None:
        """Take in the number of a mask, in the order of arrival."""
        known = self._streams.get(stream)
        if known is None:
            known = _Progress(epoch, seq)
        elif known.epoch != epoch:
            known.epoch, known.seq = epoch, seq
        elif seq > known.seq:
            known.lost += seq - known.seq - 1
            known.seq = seq
        self._streams.keep(stream, known)

    def lose(self, stream: str, count: int = 1) -> None:
        """Count masks that had arrived, but could not be read or kept."""
        if (known := self._streams.get(stream)) is not None:
            known.lost += count

    def take(self, stream: str) -> int:
        """Return the losses of a stream since the last call."""
        known = self._streams.get(stream)
        if known is None:
            return 0
        lost, known.lost = known.lost, 0
        return lost
