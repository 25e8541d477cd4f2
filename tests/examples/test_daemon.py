"""A child process is started, watched and always stopped; stand-ins take the daemon's place."""

from __future__ import annotations

import signal
import stat
import sys
from pathlib import Path

import pytest
import yaml

from examples import daemon
from examples.daemon import Daemon, DaemonError, running, write_private
from tests.waiting import wait_for

OBEDIENT = (
    "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); print('up', flush=True); signal.pause()"
)
BUSY = f"import time\nwhile time.process_time() < 0.2: pass\n{OBEDIENT}"
TELLING = (
    f"print('masks at ipc:///run/x, tcp://127.0.0.1:4711\\nstatus: http://127.0.0.1:4712/x')\n{OBEDIENT}"
)
STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"
DYING = "import sys; print('port in use', file=sys.stderr); sys.exit(78)"


def pretend(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "COMMAND", (sys.executable, "-c", program))


def wait_until_up(child: Daemon) -> None:
    wait_for(lambda: "up" in child.log.read_text())


def test_it_tells_where_it_publishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(TELLING, monkeypatch)
    with running({}, tmp_path) as child:
        assert (child.address, child.page) == ("tcp://127.0.0.1:4711", "127.0.0.1:4712")


def test_one_that_ends_or_says_nothing_publishes_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(DYING, monkeypatch)
    with (
        running({}, tmp_path) as child,
        pytest.raises(DaemonError, match="ended with exit code 78: port in use"),
    ):
        _ = child.address
    pretend(OBEDIENT, monkeypatch)
    monkeypatch.setattr(daemon, "START_S", 0.0)
    with running({}, tmp_path) as child:
        wait_until_up(child)
        with pytest.raises(DaemonError, match="does not start within 0 s: up"):
            _ = child.address


def test_only_the_owner_can_read_the_configuration(tmp_path: Path) -> None:
    path = write_private(tmp_path / "daemon.yaml", {"streams": {"a": {"source": "rtsp://u:p@h/é"}}})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert yaml.safe_load(path.read_text()) == {"streams": {"a": {"source": "rtsp://u:p@h/é"}}}


def test_it_ends_with_sigterm_and_says_how_long_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(BUSY, monkeypatch)
    with running({}, tmp_path) as child:
        wait_until_up(child)
        assert child.memory_mb() > 1
        assert child.cpu_s() > 0.1  # of the 0.2 s it takes before it is up, in whole ticks of the clock
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
