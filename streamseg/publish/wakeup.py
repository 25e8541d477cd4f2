"""Waking a thread that waits in a poller, from any thread and without delay."""

from __future__ import annotations

import contextlib
import os
import threading


class Wakeup:
    """An eventfd(2): readable from the first `set` to the next `clear`."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._open = True
        self._lock = threading.Lock()  # once closed, the number may be another file's

    def fileno(self) -> int:
        """What to poll for reading."""
        return self._fd

    def set(self) -> None:
        """Wake the thread; does nothing after `close`."""
        with self._lock:
            if self._open:
                os.eventfd_write(self._fd, 1)

    def clear(self) -> None:
        """Take back every `set` so far; call it before looking for work, so that none is missed."""
        with self._lock, contextlib.suppress(BlockingIOError):
            if self._open:
                os.eventfd_read(self._fd)

    def close(self) -> None:
        """Let go of the descriptor; idempotent."""
        with self._lock:
            if self._open:
                self._open = False
                os.close(self._fd)
