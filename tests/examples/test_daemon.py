"""A child process is started, watched and always stopped; stand-ins take the daemon's place."""

from __future__ import annotations

import signal
import stat
import sys
from pathlib import Path

import pytest
import yaml

from examples import daemon
from examples.daemon import Daemon, free_address, running, write_private
from tests.waiting import wait_for

OBEDIENT = (
    "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); print('up', flush=True); signal.pause()"
)
STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"
DYING = "import sys; print('port in use', file=sys.stderr); sys.exit(78)"


def pretend(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "COMMAND", (sys.executable, "-c", program))


def wait_until_up(child: Daemon) -> None:
    wait_for(lambda: "up" in child.log.read_text())


def test_a_free_address_is_on_loopback() -> None:
    assert free_address().startswith("tcp://127.0.0.1:")


def test_only_the_owner_can_read_the_configuration(tmp_path: Path) -> None:
    path = write_private(tmp_path / "daemon.yaml", {"streams": {"a": {"source": "rtsp://u:p@h/é"}}})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert yaml.safe_load(path.read_text()) == {"streams": {"a": {"source": "rtsp://u:p@h/é"}}}


def test_it_ends_with_sigterm_and_says_how_long_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(OBEDIENT, monkeypatch)
    with running({}, tmp_path) as child:
        wait_until_up(child)
        assert child.memory_mb() > 1
        assert child.cpu_s() > 0
        assert child.stop()[0] == 0
        assert child.stop()[0] == 0


def test_one_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(STUBBORN, monkeypatch)
    child = Daemon({}, tmp_path)
    wait_until_up(child)
    assert child.stop(timeout_s=0.1)[0] == -signal.SIGKILL


def test_its_last_words_tell_why_it_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(DYING, monkeypatch)
    with running({}, tmp_path) as child:
        wait_for(lambda: child.exit_code is not None)
        assert child.exit_code == 78
        assert child.last_words == "port in use"
