"""One holds it; the others wait, or go without; the kernel takes it from the dead."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from streamseg.inference.cache.lock import locked
from tests.waiting import time_limit, wait_for

HOLDER = """
import sys, threading
from pathlib import Path
from streamseg.inference.cache.lock import locked
with locked(Path(sys.argv[1]), 0) as mine:
    print(mine, flush=True)
    threading.Event().wait()
"""


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with locked(path, 0) as first, locked(path, 0) as second:
        assert (first, second) == (True, False)
    with locked(path, 0) as again:
        assert again


def test_the_second_waits_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, order = tmp_path / "a.lock", list[str]()

    def second() -> None:
        with locked(path, 60) as mine:
            order.append(f"second {mine}")

    thread = threading.Thread(target=second)
    with caplog.at_level(logging.INFO), locked(path, 0):
        thread.start()
        wait_for(lambda: "another process is making it; waiting" in caplog.text)
        order.append("first")
    thread.join(time_limit(60))
    assert order == ["first", "second True"]


def test_a_killed_owner_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "True\n"
        with locked(path, 0) as mine:
            assert not mine
        owner.send_signal(signal.SIGKILL)
    with locked(path, 20) as mine:
        assert mine


def test_a_lock_that_was_tidied_away_while_it_was_opened_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    path, flock = tmp_path / "a.lock", fcntl.flock

    def late(file: object, how: int) -> None:
        flock(file, how)  # type: ignore[arg-type]
        if removals:
            removals.pop()
            path.unlink()

    removals = [1]
    monkeypatch.setattr(fcntl, "flock", late)
    with locked(path, 20) as first:
        assert first
        assert removals == []
        with locked(path, 0) as second:
            assert not second


def test_a_place_without_locks_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "absent" / "a.lock", 0):
        pass
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="No locks"), locked(tmp_path / "a.lock", 0):
        pass
