"""What every thread is at, for whoever asks why nothing happens."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path

from streamseg.daemon.process import log_setup

_LOG = logging.getLogger(__name__)


def log_stacks() -> None:
    """A line for each frame of each thread in the log, the innermost last; from any thread."""
    frames = sys._current_frames()  # noqa: SLF001 - the documented way, in spite of its name
    for thread in threading.enumerate():
        if frame := frames.get(thread.ident or 0):
            for found in traceback.extract_stack(frame):
                _LOG.warning("thread %s is at: %s", thread.name, _described(found), extra=log_setup.EVERY)


def innermost(names: Iterable[str]) -> str:
    """What the threads of these names are at, in a line: `publisher (publisher.py:210 in _body)`."""
    frames = sys._current_frames()  # noqa: SLF001 - as above
    places = {
        thread.name: traceback.extract_stack(frame)[-1]
        for thread in threading.enumerate()
        if (frame := frames.get(thread.ident or 0))
    }
    return ", ".join(f"{name} ({_place(places[name])})" if name in places else name for name in names)


def _described(found: traceback.FrameSummary) -> str:
    return f"{_place(found)}: {found.line}" if found.line else _place(found)


def _place(found: traceback.FrameSummary) -> str:
    path = Path(found.filename)
    return f"{path.parent.name}/{path.name}:{found.lineno} in {found.name}"
