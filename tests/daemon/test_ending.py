"""The process ends although a thread does not."""

from __future__ import annotations

import subprocess
import sys

HANGING = """
import logging, sys, threading
from streamseg.daemon.ending import abandon, leave
logging.basicConfig()
def stuck():
    threading.Event().wait()
threading.Thread(target=stuck).start()
sys.stdout.write("said before")
"""


def end(how: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", HANGING + how], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_abandon_shows_every_stack() -> None:
    code, out, err = end("abandon(2.0)")
    assert code == 1
    assert out == "said before"
    assert "not everything ended within 2 s" in err
    assert "in stuck" in err


def test_leave_says_nothing_of_its_own() -> None:
    assert end("leave(7)") == (7, "said before", "")
