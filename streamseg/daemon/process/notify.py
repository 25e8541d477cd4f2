"""What systemd is told of the daemon, and how often it wants a sign of life.

sd_notify(3) and sd_watchdog_enabled(3), without a library. Without `$NOTIFY_SOCKET` nothing is told and
nothing is wanted; the daemon is the same elsewhere.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping

_LOG = logging.getLogger(__name__)
_PATIENCE_S = 0.5  # systemd's queue may be full for a moment; a daemon must not hang on it


class Notifier:
    """Tells systemd, from any thread; each message says whether it was taken. Never raises, never waits long.

    Args:
        address: A path, or `@name` in the abstract namespace; empty: nobody listens.
        clock_us: CLOCK_MONOTONIC in microseconds, which is what `time.monotonic_ns` reads on Linux.
    """

    def __init__(
        self, address: str, clock_us: Callable[[], int] = lambda: time.monotonic_ns() // 1000
    ) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._clock_us = clock_us
        self._complained = threading.Event()

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Notifier:
        """For whoever started this process."""
        return cls(env.get("NOTIFY_SOCKET", ""))

    def ready(self, status: str) -> bool:
        """The start, or a reload, is through."""
        return self._tell("READY=1", _status(status))

    def reloading(self) -> bool:
        """A reload has begun; `ready` ends it, whatever became of it."""
        return self._tell("RELOADING=1", f"MONOTONIC_USEC={self._clock_us()}")

    def stopping(self) -> bool:
        """The stop has begun."""
        return self._tell("STOPPING=1", _status("stopping"))

    def status(self, text: str) -> bool:
        """One line for `systemctl status`."""
        return self._tell(_status(text))

    def watchdog(self) -> bool:
        """The sign of life; wanted more often than every `watchdog_s`."""
        return self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> bool:
        if not self._address:
            return False
        try:
            # a socket a message: there is no state to share between threads, nothing to close at the end
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.settimeout(_PATIENCE_S)
                out.sendto("\n".join(lines).encode(errors="replace"), self._address)
        except (OSError, ValueError) as error:  # ValueError: an address that holds a NUL
            self._complain(error)
            return False
        return True

    def _complain(self, error: Exception) -> None:
        """Once: the daemon works on, and the next message may be taken."""
        if not self._complained.is_set():
            self._complained.set()
            _LOG.warning("systemd cannot be told how the daemon does: %s", error)


def watchdog_s(env: Mapping[str, str] = os.environ, pid: int | None = None) -> float | None:
    """After how many seconds without a sign of life systemd kills this process; None where it does not."""
    try:
        limit_us = int(env.get("WATCHDOG_USEC", ""))
        meant = int(env.get("WATCHDOG_PID", pid or os.getpid()))
    except ValueError:
        return None
    return limit_us / 1e6 if limit_us > 0 and meant == (pid or os.getpid()) else None


def _status(text: str) -> str:
    """A line of its own: what follows a line break would be a message by itself."""
    return f"STATUS={' '.join(text.split())}"
