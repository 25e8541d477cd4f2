"""The process ends although a thread does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.waiting import time_limit

HANGING = """
import logging, sys, threading
from streamseg.daemon.process.exit import abandon, leave
logging.basicConfig()
there = threading.Event()
def stuck():
    there.set()
    while True: pass
threading.Thread(target=stuck, name="capture-gate").start()
there.wait()
sys.stdout.write("said before")
"""


def end(how: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", HANGING + how],
        capture_output=True,
        text=True,
        timeout=time_limit(60),
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("code", [0, 1])
def test_abandon_names_who_is_late_in_one_line_and_keeps_the_exit_code(code: int) -> None:
    ended, out, err = end(f"abandon(2.0, ['capture-gate', 'gone'], {code})")
    assert (ended, out) == (code, "said before")
    (line,) = err.splitlines()
    assert "not ended within 2 s, left behind: capture-gate (" in line
    assert "in stuck), gone" in line


def test_leave_says_nothing_of_its_own() -> None:
    assert end("leave(7)") == (7, "said before", "")
