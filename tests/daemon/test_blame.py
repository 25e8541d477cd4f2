"""The engine is to blame only where nobody does well on it."""

from __future__ import annotations

from streamseg.daemon.blame import ENGINE_FAILURES, STREAM_FAILURES, WITNESS_S, Blame, Failures


def fail(failures: Failures, stream: str, times: int, now_s: float = 0.0) -> list[Blame]:
    return [failures.failed(stream, now_s) for _ in range(times)]


def test_alone_a_stream_that_fails_speaks_against_the_engine_once() -> None:
    told = fail(Failures(), "gate", 60)
    assert told[ENGINE_FAILURES - 1] is Blame.ENGINE
    assert told.count(Blame.ENGINE) == 1


def test_as_long_as_another_does_well_it_is_the_stream() -> None:
    failures = Failures()
    failures.worked("yard", 0.0)
    told = fail(failures, "gate", 60)
    assert told[STREAM_FAILURES - 1] is Blame.STREAM
    assert told.count(Blame.STREAM) == 1
    assert Blame.ENGINE not in told
    assert failures.culprits == {"gate"}


def test_all_of_them_together() -> None:
    failures = Failures()
    failures.worked("yard", 0.0)
    failures.worked("gate", 0.0)
    assert Blame.ENGINE not in fail(failures, "gate", ENGINE_FAILURES - 1)
    assert fail(failures, "yard", 1) == [Blame.ENGINE]
    assert failures.culprits == {"gate", "yard"}


def test_a_success_starts_the_count_again() -> None:
    failures = Failures()
    for _ in range(10):
        assert set(fail(failures, "gate", ENGINE_FAILURES - 1)) == {Blame.NOBODY}
        failures.worked("gate", 0.0)


def test_a_witness_of_long_ago_says_nothing() -> None:
    failures = Failures()
    failures.worked("yard", 0.0)
    assert Blame.ENGINE not in fail(failures, "gate", ENGINE_FAILURES, WITNESS_S - 1)
    assert fail(failures, "gate", 1, WITNESS_S) == [Blame.ENGINE]


def test_who_is_gone_says_nothing() -> None:
    failures = Failures()
    failures.worked("yard", 0.0)
    fail(failures, "gate", ENGINE_FAILURES)
    failures.forget("yard")
    assert fail(failures, "gate", 1) == [Blame.ENGINE]
    failures.forget("gate")
    assert failures.culprits == frozenset()
