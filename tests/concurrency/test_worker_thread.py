"""StoppableThread: starts, is asked to stop, joins by a deadline, keeps and tells its crash."""

from __future__ import annotations

import logging
import threading

import pytest

from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.worker_thread import StoppableThread
from tests.waiting import time_limit

SOON_S = time_limit(60)


def test_it_runs_until_it_is_stopped() -> None:
    names: list[str] = []

    def body(stop: threading.Event) -> None:
        names.append(threading.current_thread().name)
        stop.wait()

    stage = StoppableThread("capture-gate", body)
    stage.start()
    assert stage.alive
    stage.stop()
    stage.stop()  # idempotent
    assert stage.join(Deadline(SOON_S))
    assert (stage.alive, stage.error, names) == (False, None, ["capture-gate"])


def test_a_join_past_its_deadline_says_so() -> None:
    release = threading.Event()
    stage = StoppableThread("stuck", lambda _: assert_true(release.wait(SOON_S)))
    stage.start()
    stage.stop()
    assert not stage.join(Deadline(0.01))
    release.set()
    assert stage.join(Deadline(SOON_S))


def test_a_crash_is_logged_kept_and_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[BaseException] = []
    failure = RuntimeError("boom")

    def body(_: threading.Event) -> None:
        raise failure

    stage = StoppableThread("worker", body, on_crash=told.append)
    with caplog.at_level(logging.ERROR):
        stage.start()
        assert stage.join(Deadline(SOON_S))
    assert stage.error is failure
    assert told == [failure]
    assert "worker" in caplog.text
    assert "Traceback" in caplog.text


def test_a_crash_nobody_listens_to_is_still_kept() -> None:
    def body(_: threading.Event) -> None:
        raise KeyError("x")

    stage = StoppableThread("worker", body)
    stage.start()
    assert stage.join(Deadline(SOON_S))
    assert isinstance(stage.error, KeyError)


def test_a_stage_never_started_is_joined_at_once() -> None:
    stage = StoppableThread("idle", lambda _: None)
    stage.stop()
    assert stage.join(Deadline(0))


def test_a_stage_starts_once() -> None:
    stage = StoppableThread("once", lambda _: None)
    stage.start()
    with pytest.raises(RuntimeError):
        stage.start()
    assert stage.join(Deadline(SOON_S))


def assert_true(value: bool) -> None:
    assert value
