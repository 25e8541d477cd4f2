"""The daemon as a child process: started with a configuration, watched, stopped with SIGTERM."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

COMMAND = (sys.executable, "-m", "streamseg")
ANY_PORT = "tcp://127.0.0.1:0"  # the system chooses a port that is free, and the daemon tells which
START_S = 120.0  # for the daemon to say where it publishes
_POLL_S = 0.01


class DaemonError(Exception):
    """The daemon did not get as far as it should have; one line for a person."""


def write_private(path: Path, config: Mapping[str, Any]) -> Path:
    """Writes a configuration that only its owner can read: the source's URL may hold a password."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        yaml.safe_dump(dict(config), file, allow_unicode=True)
    return path


class Daemon:
    """One running `streamseg run`; its log lies beside its configuration.

    Attributes:
        log: What the daemon says, text, grows while it runs.
        started_mono_s: When the process was started, monotonic seconds.
    """

    def __init__(self, config: Mapping[str, Any], folder: Path, **env: str) -> None:
        self.log = folder / "daemon.log"
        self._path = folder / "daemon.yaml"
        write_private(self._path, config)
        self.started_mono_s = time.monotonic()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "run", str(self._path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **env},
            )

    @property
    def pid(self) -> int:
        """The process's number, also after its end."""
        return self._process.pid

    def reload(self, config: Mapping[str, Any]) -> None:
        """Writes another configuration and asks it to take that; returns at once."""
        write_private(self._path, config)
        self._process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """Ends it without a word, as a crash would."""
        self._process.kill()
        self._process.wait()

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    @property
    def address(self) -> str:
        """Where it publishes by TCP, with the port that was chosen; waits until it has said so.

        Raises:
            DaemonError: It ended before, or said nothing within `START_S`.
        """
        return self._said(r"masks at .*?(tcp://[^\s,\"]+)")

    @property
    def page(self) -> str:
        """Where its page is, `host:port`; see `address`."""
        return self._said(r"status: http://([^\s/\"]+)")

    def _said(self, pattern: str) -> str:
        deadline_s = time.monotonic() + START_S
        while True:
            code = self.exit_code  # before the log: what it said last is then in there
            if found := re.search(pattern, self.log.read_text(errors="replace")):
                return found[1]
            if code is not None:
                raise DaemonError(f"the daemon ended with exit code {code}: {self.last_words}")
            if time.monotonic() > deadline_s:
                raise DaemonError(f"the daemon does not start within {START_S:g} s: {self.last_words}")
            time.sleep(_POLL_S)

    @property
    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def memory_mb(self, key: str = "VmRSS") -> float:
        """Resident memory now (`VmRSS`) or at most so far (`VmHWM`), in MB of 10^6 bytes; Linux only."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        kib = next(line.split()[1] for line in status.splitlines() if line.startswith(f"{key}:"))
        return int(kib) * 1024 / 1e6

    def cpu_s(self) -> float:
        """Processor time of all its threads so far, seconds; Linux only."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")  # utime, stime: proc(5)

    def stop(self, timeout_s: float = 60.0) -> tuple[int, float]:
        """Asks it to stop and waits; kills it past the timeout. Idempotent.

        Returns:
            Its exit code (negative: the signal that ended it) and the seconds it took.
        """
        asked_s = time.monotonic()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return self._process.returncode, time.monotonic() - asked_s


@contextlib.contextmanager
def running(config: Mapping[str, Any], folder: Path, **env: str) -> Iterator[Daemon]:
    """A daemon for the length of a `with` block, told `env` too; stopped whatever happens in it."""
    daemon = Daemon(config, folder, **env)
    try:
        yield daemon
    finally:
        daemon.stop()
