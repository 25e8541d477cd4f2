"""Time limits of the tests, and waiting for a condition in place of sleeping for a while and hoping.

A limit here is reached only by a test that fails. Where the machine has more to do than the tests,
`STREAMSEG_TEST_TIME_FACTOR` makes all of them longer, those of child processes too (`make test-steady`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest

POLL_S = 0.005
TIME_FACTOR = float(os.environ.get("STREAMSEG_TEST_TIME_FACTOR", "1"))


def time_limit(seconds: float) -> float:
    """Seconds that something may take at most: as given, times `STREAMSEG_TEST_TIME_FACTOR`."""
    return seconds * TIME_FACTOR


def wait_for(condition: Callable[[], bool], timeout_s: float = 60.0, what: str = "the condition") -> None:
    """Returns once `condition()` is true; fails the test where it is not within `time_limit(timeout_s)`."""
    limit_s = time_limit(timeout_s)
    deadline_s = time.monotonic() + limit_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline_s:
            pytest.fail(f"{what} did not come true within {limit_s:g} s")
        pause.wait(POLL_S)
