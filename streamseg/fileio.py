"""Reading files that somebody else named, regular ones alone and to a bound; replacing our own."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

# No wait for the other end of a FIFO that took the file's place, and no terminal that becomes ours.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))


def open_regular_file(path: Path, max_bytes: int) -> BinaryIO:
    """Open a regular file for reading; nothing is read yet, and nothing waited for.

    It may grow after that: whoever reads must stop at `max_bytes` too, as `read_regular_file` does.

    Args:
        path: Its name; symbolic links are followed.
        max_bytes: The size in bytes above which it is refused.

    Raises:
        OSError: It cannot be opened, is no regular file, or is larger; `strerror` says why.
    """
    try:
        _check(path.stat(), max_bytes)  # before it is opened: to open a device may have an effect
        file = os.fdopen(os.open(path, _FLAGS), "rb")
    except ValueError as error:  # a NUL or half a surrogate pair
        raise OSError(errno.EINVAL, "its name is not one that a file can have") from error
    try:
        _check(os.fstat(file.fileno()), max_bytes)  # what was opened, and not what was there before
    except OSError:
        file.close()
        raise
    return file


def read_regular_file(path: Path, max_bytes: int) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: See `open_regular_file`.
    """
    with open_regular_file(path, max_bytes) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise _too_large(max_bytes)
    return content


def check_regular_file(path: Path, max_bytes: int) -> int:
    """The size in bytes of a regular file, which is not opened.

    Raises:
        OSError: See `open_regular_file`.
    """
    try:
        found = path.stat()
    except ValueError as error:
        raise OSError(errno.EINVAL, "its name is not one that a file can have") from error
    _check(found, max_bytes)
    return found.st_size


def replace_file(path: Path, content: bytes, part: Path | None = None) -> None:
    """Put a file in place of the one before: whoever reads sees the one or the other, and never half of one.

    Args:
        path: Where.
        content: All of it.
        part: Where it is written first, in the same folder; None: `path` with the suffix `.part`.

    Raises:
        OSError: It cannot be written; what was at `path` before still is, and no part is left.
    """
    part = part or path.with_suffix(".part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


def _check(found: os.stat_result, max_bytes: int) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a regular file")
    if found.st_size > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> OSError:
    size, unit = next(((size, unit) for size, unit in _UNITS if max_bytes >= size), (1, "bytes"))
    return OSError(errno.EFBIG, f"it is larger than {max_bytes / size:g} {unit}")
