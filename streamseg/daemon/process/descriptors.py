"""File descriptors: a word when they run out."""

from __future__ import annotations

import logging
import resource
from collections.abc import Callable
from pathlib import Path

_LOG = logging.getLogger(__name__)
SCARCE = 0.9  # of the limit in use
PLENTY = 0.8  # below this they are no longer scarce


def limit() -> int:
    """How many this process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def in_use() -> int:
    """How many are open; the limit where even looking takes one too many."""
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return limit()


class DescriptorMonitor:
    """Tells when file descriptors become scarce, and when they no longer are; for one thread.

    Attributes:
        note: What to say of them, in a few words; empty while there are enough.
    """

    def __init__(self, in_use: Callable[[], int] = in_use, limit: Callable[[], int] = limit) -> None:
        self._in_use, self._limit = in_use, limit
        self._scarce, self.note = False, ""

    def look(self) -> None:
        """Look how many there are."""
        used, most = self._in_use(), self._limit()
        before, self._scarce = self._scarce, used >= most * (PLENTY if self._scarce else SCARCE)
        if self._scarce and not before:
            _LOG.error("file descriptors run out: %d of %d in use; cameras cannot reconnect", used, most)
        if before and not self._scarce:
            _LOG.info("file descriptors: %d of %d in use; there are enough again", used, most)
        self.note = f"degraded: {used} of {most} file descriptors in use" if self._scarce else ""
