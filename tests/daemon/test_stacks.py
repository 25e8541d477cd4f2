"""Every thread is named, and what it is at."""

from __future__ import annotations

import threading

import pytest

from streamseg.daemon.stacks import log_stacks


def test_every_thread_with_its_stack(caplog: pytest.LogCaptureFixture) -> None:
    leave, there = threading.Event(), threading.Event()

    def dawdle() -> None:
        there.set()
        leave.wait(60)

    thread = threading.Thread(target=dawdle, name="capture-gate")
    thread.start()
    assert there.wait(20)
    log_stacks()
    leave.set()
    thread.join()
    said = {record.getMessage().partition(" is at:")[0]: record.getMessage() for record in caplog.records}
    assert "in dawdle" in said["thread capture-gate"]
    assert all(record.__dict__["every"] for record in caplog.records), "there may be many threads"
    assert "test_every_thread_with_its_stack" in said["thread MainThread"]
