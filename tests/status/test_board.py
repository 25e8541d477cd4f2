"""What the board says of each stream."""

from __future__ import annotations

import math

import pytest

from streamseg.status.board import Board
from streamseg.types import StateChange, StreamState


class Clock:
    """Time that passes when told."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_new_stream_is_connecting() -> None:
    board = Board(Clock(), lambda: 5.0)
    board.add("gate")
    seen = board.snapshot("gate")
    assert seen.change == StateChange("gate", StreamState.CONNECTING, 5.0)
    assert (seen.masks, seen.fps, seen.drops) == (0, 0.0, 0)
    assert math.isnan(seen.age_ms_p50)


def test_masks_are_counted_and_measured() -> None:
    clock = Clock()
    board = Board(clock, lambda: 5.0)
    board.add("gate")
    for age_ms in (10.0, 20.0, 30.0, 40.0):
        clock.now_s += 0.5
        board.mask("gate", age_ms=age_ms, infer_ms=7.0, drops=3, reset=age_ms == 10.0)
    board.failed("gate")
    seen = board.snapshot("gate")
    assert seen.fps == pytest.approx(2.0)
    assert (seen.masks, seen.resets, seen.drops, seen.failures) == (4, 1, 3, 1)
    assert seen.age_ms_p50 in {20.0, 30.0}
    assert seen.age_ms_p95 == 40.0
    assert seen.infer_ms_p50 == 7.0


def test_states_and_order() -> None:
    board = Board(Clock(), lambda: 5.0)
    board.add("b")
    board.add("a")
    change = StateChange("a", StreamState.STALLED, 6.0, "stalled")
    board.changed(change)
    assert list(board.snapshots()) == ["b", "a"]
    assert board.snapshots()["a"].change is change
    with pytest.raises(KeyError):
        board.snapshot("c")
