"""What the board says of each stream."""

from __future__ import annotations

import math

import pytest

from streamseg.status.registry import StatusRegistry
from streamseg.status.snapshot import Tally
from streamseg.types import StateChange, StreamState
from tests.fakes.stream import MODEL
from tests.status.clock import Clock
from tests.status.masks import mask


def test_a_new_stream_is_connecting() -> None:
    board = StatusRegistry(Clock(), lambda: 5.0)
    board.add("gate")
    seen = board.snapshot("gate")
    assert seen.change == StateChange("gate", StreamState.CONNECTING, 5.0)
    assert (seen.masks, seen.fps, seen.drops) == (0, 0.0, 0)
    assert math.isnan(seen.age_ms_p50)


def test_masks_are_counted_and_measured() -> None:
    clock = Clock()
    board = StatusRegistry(clock, lambda: 5.0)
    board.add("gate", lambda: Tally(queue_full=3))
    for age_s in (0.01, 0.02, 0.03, 0.04):
        clock.now_s += 0.5
        board.mask(mask(captured_s=clock.now_s - age_s, reset=age_s == 0.01))
    board.failed("gate")
    board.published("gate", 0.3, 1)
    seen = board.snapshot("gate")
    assert seen.fps == pytest.approx(2.0)
    assert (seen.masks, seen.resets, seen.drops, seen.failures) == (4, 1, 3, 1)
    assert (seen.published, seen.superseded) == (1, 1)
    assert seen.age_ms_p50 == pytest.approx(30.0)
    assert seen.age_ms_p95 == pytest.approx(40.0)
    assert seen.infer_ms_p50 == 8.0


def test_states_and_order() -> None:
    board = StatusRegistry(Clock(), lambda: 5.0)
    board.add("b")
    board.add("a", required=False)
    change = StateChange("a", StreamState.STALLED, 6.0, "stalled")
    board.changed(change)
    assert list(board.snapshots()) == ["b", "a"]
    assert board.snapshots()["a"].change is change
    assert not board.snapshot("a").required
    assert [event.what for event in board.events("a")] == ["stalled"]
    with pytest.raises(KeyError):
        board.snapshot("c")


def test_what_is_required_may_change() -> None:
    board = StatusRegistry(Clock(), lambda: 5.0)
    board.add("gate")
    board.require("gate", required=False)
    board.require("none", required=True)
    assert not board.snapshot("gate").required


def test_a_stream_that_was_removed_is_spoken_of_in_vain() -> None:
    board = StatusRegistry(Clock(), lambda: 5.0)
    board.add("gate")
    board.remove("gate")
    board.remove("gate")
    board.mask(mask())
    board.failed("gate")
    board.published("gate", 0.1, 0)
    board.changed(StateChange("gate", StreamState.ENDED, 6.0))
    board.serve("gate", "m", MODEL)
    assert board.snapshots() == {}


def test_engines_are_charged_for_their_streams() -> None:
    board = StatusRegistry(Clock(), lambda: 5.0)
    for stream, engine in (("gate", "a"), ("yard", "b"), ("lane", "a")):
        board.add(stream)
        board.serve(stream, engine, MODEL)
        board.mask(mask(stream))
    assert board.busy_s == pytest.approx({"a": 0.024, "b": 0.012})
    assert board.snapshot("gate").model is MODEL


def test_a_stream_that_is_added_again_begins_at_zero() -> None:
    board = StatusRegistry(Clock(), lambda: 5.0)
    for _ in range(2):
        board.add("gate")
        counts = [
            s.value for m in board.latencies.age.collect() for s in m.samples if s.name.endswith("_count")
        ]
        assert counts == [0.0]
        board.mask(mask())
