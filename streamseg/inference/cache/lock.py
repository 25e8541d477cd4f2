"""A lock between processes. The kernel lets go of it when its owner ends, however it ends."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from streamseg.concurrency.deadline import Deadline

_LOG = logging.getLogger(__name__)
_LOOK_S = 0.05  # between two looks: flock(2) could wait by itself, but without a deadline


@contextmanager
def locked(path: Path, wait_s: float) -> Iterator[bool]:
    """Hold the lock file `path` in the context; whether that came true within `wait_s` seconds.

    Raises:
        OSError: The file cannot be made or locked.
    """
    file = _obtain(path, Deadline(wait_s))
    try:
        yield file is not None
    finally:
        if file is not None:
            file.close()


def _obtain(path: Path, deadline: Deadline) -> BinaryIO | None:
    pause, told = threading.Event(), False
    while (file := _try(path)) is None and not deadline.expired:
        if not told:
            _LOG.info("%s: another process is making it; waiting", path.stem[:12])
            told = True
        pause.wait(min(_LOOK_S, deadline.remaining_s))
    return file


def _try(path: Path) -> BinaryIO | None:
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "rb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(path.stat(), os.fstat(file.fileno())):
            return file
    except (BlockingIOError, FileNotFoundError):  # held, or just removed by whoever tidies up
        pass
    except BaseException:
        file.close()
        raise
    file.close()
    return None
