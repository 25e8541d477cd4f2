"""What a test sets for the whole process is put back after it."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from streamseg.config.schema import Config
from streamseg.daemon import app
from streamseg.errors import PackageError
from tests.process_state import process_state_kept
from tests.subprocesses import ROOT, run_python
from tests.waiting import time_limit

CRASH = """
import ctypes, faulthandler, sys
from tests.process_state import process_state_kept
with open(sys.argv[1], "w") as ours, open(sys.argv[2], "w") as daemons:
    faulthandler.enable(ours)
    with process_state_kept(ours.fileno()):
        faulthandler.enable(daemons)
    ctypes.string_at(0)
"""


def state() -> dict[str, Any]:
    root = logging.getLogger()
    return {
        "threads": cv2.getNumThreads(),
        "handlers": root.handlers[:],
        "level": root.level,
        "disabled": root.manager.disable,
        "warnings": warnings.showwarning,
        "hooks": (sys.excepthook, threading.excepthook, sys.unraisablehook),
        "faulthandler": faulthandler.is_enabled(),
    }


def run_daemon() -> None:
    asked = Config.model_validate({"engine": {"model": "/nowhere"}, "streams": {"gate": {"source": "x"}}})
    with pytest.raises(PackageError):
        app.run(asked)


def set_logging() -> None:
    logging.disable(logging.CRITICAL)
    logging.captureWarnings(capture=True)
    logging.basicConfig(level="DEBUG", handlers=[logging.NullHandler()], force=True)


def set_hooks() -> None:
    sys.excepthook = lambda *_: None
    threading.excepthook = lambda _: None
    sys.unraisablehook = lambda _: None


@pytest.mark.parametrize("change", [run_daemon, set_logging, set_hooks, lambda: cv2.setNumThreads(3)])
def test_all_is_as_it_was(change: Callable[[], object]) -> None:
    cv2.setNumThreads(2)
    before = state()
    with process_state_kept(crash_log=None):
        faulthandler.enable()
        change()
        assert state() != before
    assert state() == {**before, "faulthandler": False}


def test_the_arenas_are_left_alone_by_a_daemon_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda _: asked.append("the C library"))
    run_daemon()
    assert "the C library" not in asked


def test_a_crash_is_told_where_it_was_told_before(tmp_path: Path) -> None:
    ours, daemons = tmp_path / "ours", tmp_path / "daemons"
    command = [sys.executable, "-c", CRASH, str(ours), str(daemons)]
    subprocess.run(command, cwd=ROOT, timeout=time_limit(60), check=False)
    assert "Segmentation fault" in ours.read_text(encoding="utf-8")
    assert daemons.read_text(encoding="utf-8") == ""


IGNORING = """
import signal, subprocess, sys
from tests.process_state import hear_terminal_signals
ignored = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT]
for number in ignored:
    signal.signal(number, signal.SIG_IGN)
hear_terminal_signals()
for number in ignored:
    code = f"import signal; signal.raise_signal({int(number)})"
    child = subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    print(-child.returncode == number, end=" ")
"""


def test_signals_are_heard_beneath_nohup_too() -> None:
    """Else a child that should end with its terminal never does."""
    assert run_python(IGNORING).split() == ["True"] * 3
