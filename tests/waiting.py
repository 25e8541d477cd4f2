"""Waiting for a condition with a deadline, in place of sleeping for a while and hoping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

POLL_S = 0.005


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0, what: str = "the condition") -> None:
    """Returns once `condition()` is true; fails the test where it is not within the deadline."""
    deadline_s = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline_s:
            pytest.fail(f"{what} did not come true within {timeout_s} s")
        pause.wait(POLL_S)
