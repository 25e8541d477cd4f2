"""Whether an `ipc://` socket may be connected to. libzmq tries again for ever and never says why."""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path

_IPC = "ipc://"


def denied(address: str) -> str:
    """Return why a socket's file may not be used, with the group to join; empty unless that is so.

    Args:
        address: As given to `subscribe`.
    """
    path = address.removeprefix(_IPC)
    if not address.startswith(_IPC) or not path or path.startswith("@"):  # @: a name without a file
        return ""
    place = _closed(Path(path).absolute())
    return "" if place is None else f"permission denied: {place}{_cure(place)}"


def _closed(path: Path) -> Path | None:
    """The folder that may not be entered, or the socket that may not be written to; connect(2) needs both."""
    for folder in reversed(path.parents):
        if folder.is_dir() and not os.access(folder, os.X_OK):
            return folder
    return path if path.exists() and not os.access(path, os.W_OK) else None


def _cure(place: Path) -> str:
    found = place.stat()
    right = stat.S_IXGRP if stat.S_ISDIR(found.st_mode) else stat.S_IWGRP
    if not found.st_mode & right or found.st_gid == 0:  # nobody should be told to join root's
        return "; only its owner may use it"
    group = _group(found.st_gid)
    return f" is for members of the group {group} (`sudo usermod -aG {group} $USER`, then log in again)"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
