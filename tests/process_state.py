"""What the daemon sets for a whole process, put back: its tests share theirs with all other tests."""

from __future__ import annotations

import faulthandler
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import pytest

from streamseg.daemon.process import memory

_TERMINALS = (
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
)


def hear_terminal_signals() -> None:
    """Undo what `nohup` and a shell's `&` set: signals that are ignored, which all children inherit."""
    for number, handler in _TERMINALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@contextmanager
def process_state_kept(crash_log: int | None) -> Iterator[None]:
    """Afterwards OpenCV's threads, logging, the hooks for errors and faulthandler are as they were.

    glibc's number of arenas can be neither read nor put back, so it is not set at all meanwhile.

    Args:
        crash_log: The file descriptor that faulthandler writes to (it does not tell); None: it is off.
    """
    root, threads = logging.getLogger(), cv2.getNumThreads()
    handlers, level, disabled = root.handlers[:], root.level, root.manager.disable
    warned = warnings.showwarning
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "share_arenas", lambda: None)
        yield
    cv2.setNumThreads(threads)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.disable(disabled)
    logging.captureWarnings(capture=False)
    warnings.showwarning = warned
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    if crash_log is None:
        faulthandler.disable()
    else:
        faulthandler.enable(crash_log)
