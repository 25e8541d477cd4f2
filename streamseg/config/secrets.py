"""Secrets that stand in a file of their own."""

from __future__ import annotations

import stat
from pathlib import Path

from streamseg.errors import ConfigError

MOST_BYTES = 64 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret(path: Path) -> str:
    """What stands in `path`, without the white space around it.

    Raises:
        ConfigError: It cannot be read, or holds nothing, or no text.
    """
    try:
        with path.open("rb") as file:
            secret = file.read(MOST_BYTES).decode().strip()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror or error}"]) from error
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from None
    if not secret:
        raise ConfigError([f"{path}: is empty"])
    return secret


def open_to_others(path: Path) -> bool:
    """Whether anybody but its owner may do anything with `path`. Raises OSError."""
    return bool(path.stat().st_mode & _OTHERS)
