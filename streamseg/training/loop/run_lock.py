"""One process at a time works in a run's folder. The kernel lets go of the lock when its owner ends."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamseg.errors import TrainingError

_LOG = logging.getLogger(__name__)
_MOST_BYTES = 200  # of what the owner wrote


@contextmanager
def run_lock(path: Path, otherwise: str = "give the recipe another name") -> Iterator[None]:
    """Hold the lock file `path` in the context; it stays behind, and says who held it last.

    Args:
        path: The file; its folder is made.
        otherwise: What to do where another process works there and goes on.

    Raises:
        TrainingError: Another process holds it (named), or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        _lock(file, path, otherwise)
        yield
    finally:
        os.close(file)


def _lock(file: int, path: Path, otherwise: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(file, _MOST_BYTES, 0).decode(errors="replace").strip() or "another process"
        raise TrainingError(
            f"{path.parent} is in use by {owner}: wait for it, stop it, or {otherwise}"
        ) from None
    except OSError as error:  # some network file systems have no locks
        _LOG.warning("%s: cannot be locked (%s): see to it that no other run uses the folder", path, error)
        return
    os.ftruncate(file, 0)
    os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
