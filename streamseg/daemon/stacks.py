"""What every thread is at, for whoever asks why nothing happens."""

from __future__ import annotations

import logging
import sys
import threading
import traceback

from streamseg.daemon import logs

_LOG = logging.getLogger(__name__)


def log_stacks() -> None:
    """A line with the stack of each thread in the log, by name; from any thread."""
    frames = sys._current_frames()  # noqa: SLF001 - the documented way, in spite of its name
    for thread in threading.enumerate():
        if frame := frames.get(thread.ident or 0):
            stack = "".join(traceback.format_stack(frame)).rstrip()
            _LOG.warning("thread %s is at: %s", thread.name, f"\n{stack}", extra=logs.EVERY)
