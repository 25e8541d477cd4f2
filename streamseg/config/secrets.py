"""Secrets that stand in files of their own: `password_file` instead of `password`, and so on."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from streamseg.config.lines import Location
from streamseg.config.marks import by_name, secret_of, sections_of
from streamseg.errors import ConfigError
from streamseg.redact import remember_secret

MOST_BYTES = 64 * 1024
SUFFIX = "_file"
UNREAD = "-"  # stands for a secret that cannot be read, so that the rest can be checked
_LOG = logging.getLogger(__name__)

Problems = list[tuple[Location, str]]


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
    except ValueError as error:  # a name that holds a NUL
        raise ConfigError([f"{path}: cannot be read: {error}"]) from error
    if not secret:
        raise ConfigError([f"{path}: is empty"])
    remember_secret(secret)
    return secret


def open_to_others(path: Path, env: Mapping[str, str] = os.environ) -> bool:
    """Whether anybody but its owner may do anything with `path`. Raises OSError.

    For a credential of systemd only what all may do counts: where the service is let in by an access control
    list, the bits of the group are that list's mask (acl(5)), and not the group's.
    """
    masked = str(path.parent) == env.get("CREDENTIALS_DIRECTORY")
    return bool(path.stat().st_mode & (stat.S_IRWXO if masked else stat.S_IRWXO | stat.S_IRWXG))


def put_secrets(document: Any, model: type[BaseModel]) -> Problems:
    """Put every secret in the place of its file's name, in `document` itself; tell what is wrong with files.

    Args:
        document: Plain values; whatever has the wrong shape is left for the schema to complain of.
        model: The section that they are meant for.
    """
    return [
        problem
        for section, kind, where in list(_sections(document, model, ()))
        for name, field in kind.model_fields.items()
        if secret_of(field) and f"{name}{SUFFIX}" in section
        for problem in _put(section, name, where)
    ]


def _put(section: dict[str, Any], name: str, where: Location) -> Problems:
    key = f"{name}{SUFFIX}"
    path = section.pop(key)
    if name in section:
        return [((*where, key), f"stands beside {name}: keep one of the two")]
    section[name] = UNREAD
    if not isinstance(path, str):
        return [((*where, key), "must be the name of a file")]
    try:
        section[name] = read_secret(Path(path))
    except ConfigError as error:
        return [((*where, key), str(error))]
    if open_to_others(Path(path)):
        _LOG.warning("%s: others may read it: chmod 600 %s", path, path)
    return []


def _sections(
    value: Any, model: type[BaseModel], where: Location
) -> Iterator[tuple[dict[str, Any], type[BaseModel], Location]]:
    """Every section in a document, with what it is meant for and its place."""
    if not isinstance(value, dict):
        return
    yield value, model, where
    for name, field in model.model_fields.items():
        inner = value.get(name)
        for kind in sections_of(field):
            if not by_name(field):
                yield from _sections(inner, kind, (*where, name))
            elif isinstance(inner, dict):
                for member, held in inner.items():
                    yield from _sections(held, kind, (*where, name, member))
