"""Reading only what is ours, and writing all or nothing.

A compiled graph can hold code for the processor: one that somebody else could have put there is never loaded.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PART = ".part"  # a file that is not finished, or never was
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def make_folder(path: Path) -> None:
    """A folder for this user alone, made where it is not there.

    Raises:
        OSError: It cannot be made, or what is there is somebody else's or open to others.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_ours(path.lstat(), folder=True)


def read_ours(path: Path) -> bytes:
    """A file's content.

    Raises:
        OSError: It cannot be read; or is a link, somebody else's, or open to others.
    """
    # what is looked at and what is read is the same file, whatever becomes of its name meanwhile
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        _check_ours(os.fstat(file.fileno()), folder=False)
        return file.read()


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Put a file at `path`: all of it or nothing, even where the power fails; only this user may read it.

    Raises:
        OSError: It cannot be written; what was at `path` before still is.
    """
    handle, name = tempfile.mkstemp(prefix=f"{path.stem}.", suffix=PART, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_ours(found: os.stat_result, *, folder: bool) -> None:
    if not (stat.S_ISDIR if folder else stat.S_ISREG)(found.st_mode):
        raise PermissionError(errno.EPERM, f"it is not a {'folder' if folder else 'file'}")
    if found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, f"it belongs to user {found.st_uid}, not to {os.geteuid()}")
    if found.st_mode & _OTHERS_WRITE:
        raise PermissionError(errno.EPERM, f"others may write it (mode {stat.S_IMODE(found.st_mode):04o})")
