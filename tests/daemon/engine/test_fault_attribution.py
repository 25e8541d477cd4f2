"""The engine is to blame only where nobody does well on it."""

from __future__ import annotations

from streamseg.daemon.engine.fault_attribution import (
    ENGINE_FAILURES,
    STREAM_FAILURES,
    WITNESS_S,
    Failures,
    FaultSource,
)


def fail(failures: Failures, stream: str, times: int, now_s: float = 0.0) -> list[FaultSource]:
    return [failures.failed(stream, now_s) for _ in range(times)]


def test_alone_a_stream_that_fails_speaks_against_the_engine_once() -> None:
    told = fail(Failures(), "gate", 60)
    assert told[ENGINE_FAILURES - 1] is FaultSource.ENGINE
    assert told.count(FaultSource.ENGINE) == 1


def test_as_long_as_another_does_well_it_is_the_stream() -> None:
    failures = Failures()
    failures.worked("yard", 0.0)
    told = fail(failures, "gate", 60)
    assert told[STREAM_FAILURES - 1] is FaultSource.STREAM
    assert told.count(FaultSource.STREAM) == 1
    assert FaultSource.ENGINE not in told
    assert failures.failing_streams == {"gate"}


def test_all_of_them_together() -> None:
    failures = Failures()
    failures.worked("yard", 0.0)
    failures.worked("gate", 0.0)
    assert FaultSource.ENGINE not in fail(failures, "gate", ENGINE_FAILURES - 1)
    assert fail(failures, "yard", 1) == [FaultSource.ENGINE]
    assert failures.failing_streams == {"gate", "yard"}


def test_a_success_starts_the_count_again() -> None:
    failures = Failures()
    for _ in range(10):
        assert set(fail(failures, "gate", ENGINE_FAILURES - 1)) == {FaultSource.NOBODY}
        failures.worked("gate", 0.0)


def test_a_witness_of_long_ago_says_nothing() -> None:
    failures = Failures()
    failures.worked("yard", 0.0)
    assert FaultSource.ENGINE not in fail(failures, "gate", ENGINE_FAILURES, WITNESS_S - 1)
    assert fail(failures, "gate", 1, WITNESS_S) == [FaultSource.ENGINE]


def test_who_is_gone_says_nothing() -> None:
    failures = Failures()
    failures.worked("yard", 0.0)
    fail(failures, "gate", ENGINE_FAILURES)
    failures.forget("yard")
    assert fail(failures, "gate", 1) == [FaultSource.ENGINE]
    failures.forget("gate")
    assert failures.failing_streams == frozenset()
