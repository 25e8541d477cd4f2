"""Runs `rtsp_server.py`: a camera that a test can freeze, kill and start again on the same port."""

from __future__ import annotations

import signal
import subprocess
from functools import cache
from pathlib import Path
from typing import Self

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")
_NEEDED = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


@cache
def missing() -> str:
    """What keeps the server from running here; empty if nothing does."""
    try:
        subprocess.run([SYSTEM_PYTHON, "-c", _NEEDED], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return f"gst-rtsp-server is not installed: apt-get install $(cat {SERVER.with_name('apt.txt')})"
    return ""


class RtspServer:
    """A server in a process of its own; a context manager.

    Attributes:
        port: Where it listens; kept across `restart`.
    """

    def __init__(self, *arguments: str) -> None:
        self.port = 0
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def url(self, mount: str, credentials: str = "") -> str:
        """The URL of one of its clips."""
        return f"rtsp://{credentials}127.0.0.1:{self.port}/{mount}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [SYSTEM_PYTHON, str(SERVER), "--port", str(self.port), *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        word, port = self._process.stdout.readline().split()  # the test's own time limit bounds this
        assert word == "READY"
        self.port = int(port)

    def freeze(self) -> None:
        """Stop the process where it stands; its sockets stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word to its clients. Idempotent."""
        if self._process is None:
            return
        self._process.kill()
        self._process.communicate()
        self._process = None

    def restart(self) -> None:
        """Kill it and start it on the same port."""
        self.kill()
        self.start()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
