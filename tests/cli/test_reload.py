"""`streamseg reload`: a signal, and the verdict that comes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streamseg.cli import main
from streamseg.daemon.reload_result import FILE_NAME

# A daemon that takes SIGHUP as told, and says when it can.
DAEMON = """
import os, signal, sys
from pathlib import Path
from streamseg.daemon.reload_result import ReloadResult, now_s, write_result
verdict = sys.argv[1]
def reload(*_):
    if verdict == "end":
        os._exit(3)
    if verdict != "silent":
        problems = [] if verdict == "0" else ["c.yaml:3: streams.gate.sorce: is not a known key", "more"]
        write_result(ReloadResult(os.getpid(), now_s(), int(verdict), problems), Path(sys.argv[2]))
signal.signal(signal.SIGHUP, reload)
print("there", flush=True)
while True: signal.pause()
"""


def reload(verdict: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    """The exit code of the command, with a daemon that answers so."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
    command = [sys.executable, "-c", DAEMON, verdict, str(folder / FILE_NAME)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "there\n"
        try:
            return main(["reload", str(daemon.pid), *options])
        finally:
            daemon.send_signal(signal.SIGKILL)


def test_what_went_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reload("0", tmp_path, monkeypatch) == 0
    assert capsys.readouterr() == ("", "")


def test_what_was_refused_with_every_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reload("78", tmp_path, monkeypatch) == 78
    assert capsys.readouterr().err.splitlines() == [
        "streamseg: c.yaml:3: streams.gate.sorce: is not a known key",
        "streamseg: more",
        "streamseg: the reload was refused; everything goes on as before",
    ]


@pytest.mark.parametrize("verdict", ["silent", "end"])
def test_no_verdict_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verdict: str
) -> None:
    assert reload(verdict, tmp_path, monkeypatch, "--timeout", "0.2") == 1
    assert "did not report the result of the reload" in capsys.readouterr().err


def test_who_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert main(["reload", str(ended.pid)]) == 1
    assert f"process {ended.pid}: No such process" in capsys.readouterr().err


def test_outside_systemd_there_is_no_verdict_and_no_signal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert main(["reload", str(os.getpid())]) == 2  # SIGHUP would end this process
    assert "kill -HUP" in " ".join(capsys.readouterr().err.split())
