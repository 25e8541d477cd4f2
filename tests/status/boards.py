"""A board as a daemon of two streams would have it."""

from __future__ import annotations

from streamseg.status.registry import StatusRegistry
from streamseg.status.snapshot import Tally
from streamseg.types import StateChange, StreamState
from tests.fakes.stream import MODEL
from tests.status.clock import Clock
from tests.status.masks import mask, plane

NOW_UNIX_S = 1.8e9


def make_board(clock: Clock | None = None, streams: int = 1) -> StatusRegistry:
    """`gate` (and `cam1`…) runs and is served; `yard` cannot be reached."""
    clock = clock or Clock()
    board = StatusRegistry(clock, lambda: NOW_UNIX_S)
    for name in ["gate", *(f"cam{number}" for number in range(1, streams))]:
        board.add(name, lambda: Tally(captured=9, reconnects=1, queue_full=3, waiting=1, subscribers=2))
        board.serve(name, "default", MODEL)
        board.changed(StateChange(name, StreamState.RUNNING, NOW_UNIX_S - 60))
        for label in (0, 1):
            made = mask(name, label=label, confidence=plane(204), captured_s=clock.now_s - 0.04)
            board.mask(made)
        board.published(name, 0.2, 1)
    board.add("yard", required=False)
    board.changed(StateChange("yard", StreamState.BACKOFF, NOW_UNIX_S, "refused", "no answer", 1.5))
    return board
