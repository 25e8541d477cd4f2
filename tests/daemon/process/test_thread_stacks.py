"""Every thread is named, and what it is at."""

from __future__ import annotations

import threading

import pytest

from streamseg.daemon.process.thread_stacks import log_stacks
from tests.waiting import time_limit


def test_every_thread_with_its_stack(caplog: pytest.LogCaptureFixture) -> None:
    leave, there = threading.Event(), threading.Event()

    def dawdle() -> None:
        there.set()
        leave.wait(time_limit(60))

    thread = threading.Thread(target=dawdle, name="capture-gate")
    thread.start()
    assert there.wait(time_limit(60))
    log_stacks()
    leave.set()
    thread.join()
    lines = [record.getMessage() for record in caplog.records]
    mine = [line for line in lines if line.startswith("thread capture-gate is at: ")]
    assert any("in dawdle: leave.wait(time_limit(60))" in line for line in mine)
    assert "in wait" in mine[-1], "the innermost comes last"
    assert not [line for line in lines if "\n" in line], "a line for each frame"
    assert all(record.__dict__["every"] for record in caplog.records), "there may be many threads"
    assert any("thread MainThread is at: " in line for line in lines)
