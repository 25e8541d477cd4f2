"""The files of ipc:// sockets: libzmq makes them on bind and leaves them behind on close."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class SocketFile:
    """A file that a bind of ours made; `identity` is its device and inode."""

    path: Path
    identity: tuple[int, int]

    @classmethod
    def of(cls, address: str) -> Self | None:
        """Return the file of an address that is bound; None where it has none."""
        path = Path(address.removeprefix("ipc://"))
        identity = _identity(path) if address.startswith("ipc://") else None
        return None if identity is None else cls(path, identity)

    def remove(self) -> None:
        """Delete the file, unless it is gone or by now another daemon's; never fails."""
        if _identity(self.path) == self.identity:
            with contextlib.suppress(OSError):
                self.path.unlink()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
