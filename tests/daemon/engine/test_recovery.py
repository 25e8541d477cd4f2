"""What fails is tried again, more and more slowly, and not for ever."""

from __future__ import annotations

import pytest

from streamseg.daemon.engine.recovery import LONGEST_WAIT_S, RecoveryPolicy, RecoveryStep, RestartPolicy


def test_waits_grow_to_a_cap() -> None:
    restarts = RestartPolicy()
    waits = [restarts.wait_s(0.0, limit=8, window_s=300.0) for _ in range(8)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_WAIT_S, LONGEST_WAIT_S, LONGEST_WAIT_S]


def test_there_is_an_end() -> None:
    restarts = RestartPolicy()
    assert [restarts.wait_s(float(n), 2, 300.0) is None for n in range(4)] == [False, False, True, True]
    assert RestartPolicy().wait_s(0.0, 0, 300.0) is None


def test_what_is_long_ago_does_not_count() -> None:
    restarts = RestartPolicy()
    assert restarts.wait_s(0.0, 2, 300.0) == 1.0
    assert restarts.wait_s(200.0, 2, 300.0) == 2.0
    assert restarts.wait_s(299.0, 2, 300.0) is None
    assert restarts.wait_s(300.0, 2, 300.0) == 2.0


@pytest.mark.parametrize(
    ("fallback", "rungs"),
    [
        (True, [RecoveryStep.REBUILD, RecoveryStep.FALL_BACK, RecoveryStep.GIVE_UP, RecoveryStep.GIVE_UP]),
        (False, [RecoveryStep.REBUILD, RecoveryStep.GIVE_UP, RecoveryStep.GIVE_UP]),
    ],
)
def test_an_engine_climbs(fallback: bool, rungs: list[RecoveryStep]) -> None:
    ladder = RecoveryPolicy()
    assert [ladder.next(float(n), 300.0, fallback=fallback) for n in range(len(rungs))] == rungs


def test_an_engine_that_did_well_for_a_while_begins_at_the_bottom() -> None:
    ladder = RecoveryPolicy()
    assert ladder.next(0.0, 300.0, fallback=True) is RecoveryStep.REBUILD
    assert ladder.next(299.0, 300.0, fallback=True) is RecoveryStep.FALL_BACK
    assert ladder.next(599.0, 300.0, fallback=True) is RecoveryStep.REBUILD
