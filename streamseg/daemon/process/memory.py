"""The process's memory, and who has to go when it comes to its limit: before the kernel takes everything."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Sequence
from contextlib import suppress

import psutil

SETTLE_S = 10.0  # what a stream held is freed by and by; the next one goes only after that

_MB = 1_000_000
_ARENAS = 2
_M_ARENA_MAX = -8  # malloc.h


def rss_mb() -> float:
    """Resident memory of this process, MB of 10^6 bytes; 0 where the system does not report it."""
    try:
        return psutil.Process().memory_info().rss / _MB
    except (OSError, psutil.Error):
        return 0.0


def share_arenas() -> None:
    """Let all threads allocate from a few common pools; to be called before there are many threads.

    By default glibc opens a pool for each new thread, up to eight a core, and pictures that are still in use
    keep what is free around them from going back: every camera that comes back after a loss, on a thread of
    its own, makes the process a megabyte or two larger (mallopt(3), M_ARENA_MAX). `MALLOC_ARENA_MAX` in the
    environment has precedence.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    with suppress(OSError, AttributeError):  # a C library without it
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Return what is free inside the process to the system, so that the next look does not count it."""
    gc.collect()
    with suppress(OSError, AttributeError):  # a C library without it
        ctypes.CDLL(None).malloc_trim(0)


class Shedding:
    """Chooses who goes. Pure."""

    def __init__(self) -> None:
        self._last_s = float("-inf")

    def victim(
        self, used_mb: float, limit_mb: float | None, streams: Sequence[str], now_s: float
    ) -> str | None:
        """The stream to give up now; None where none is to go.

        Args:
            used_mb: Resident memory, MB.
            limit_mb: What there may be of it; None: no limit.
            streams: Those that could go, the oldest first. The last one stays: without it there is no use in
                the rest.
            now_s: Monotonic seconds.
        """
        if limit_mb is None or used_mb <= limit_mb or len(streams) < 2 or now_s - self._last_s < SETTLE_S:
            return None
        self._last_s = now_s
        return streams[-1]
