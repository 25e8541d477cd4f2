"""Secrets that stand in files of their own: `password_file` instead of `password`, and so on."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from streamseg.config.metadata import by_name, secret_of, sections_of
from streamseg.config.places import SUFFIX
from streamseg.config.yaml_source import Location
from streamseg.errors import ConfigError
from streamseg.fileio import read_regular_file
from streamseg.redact import remember_secret

MOST_BYTES = 64 * 1024
UNREAD = "-"  # stands for a secret that is not read, so that the rest can be checked


def read_secret(path: Path) -> str:
    """What stands in `path`, without the white space around it.

    Raises:
        ConfigError: It cannot be read, or holds nothing, or no text.
    """
    try:
        secret = read_regular_file(path, MOST_BYTES).decode().strip()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror or error}"]) from error
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from None
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


@dataclass(slots=True)
class FoundSecrets:
    """What `put_secrets` found.

    Attributes:
        problems: What is wrong with the files, and where they are named.
        warnings: What is dangerous about them.
        unread: Where files are named that were not to be read.
    """

    problems: list[tuple[Location, str]] = field(default_factory=list)
    warnings: list[tuple[Location, str]] = field(default_factory=list)
    unread: list[Location] = field(default_factory=list)


def put_secrets(document: Any, model: type[BaseModel], skip: Callable[[Location], bool]) -> FoundSecrets:
    """Put every secret in the place of its file's name, in `document` itself.

    Args:
        document: Plain values; whatever has the wrong shape is left for the schema to complain of.
        model: The section that they are meant for.
        skip: Whether the file that is named at a place is not to be read; a dash stands for its secret then.
    """
    found = FoundSecrets()
    for section, kind, where in list(sections(document, model)):
        for name, key in kind.model_fields.items():
            if secret_of(key) and f"{name}{SUFFIX}" in section:
                _put(section, name, where, skip, found)
    return found


def _put(
    section: dict[str, Any],
    name: str,
    where: Location,
    skip: Callable[[Location], bool],
    found: FoundSecrets,
) -> None:
    place = (*where, f"{name}{SUFFIX}")
    path = section.pop(f"{name}{SUFFIX}")
    if name in section:
        found.problems.append((place, f"stands beside {name}: keep one of the two"))
        return
    section[name] = UNREAD
    if not isinstance(path, str):
        found.problems.append((place, "must be the name of a file"))
    elif skip(place):
        found.unread.append(place)
    else:
        _read_into(section, name, Path(path), place, found)


def _read_into(section: dict[str, Any], name: str, path: Path, place: Location, found: FoundSecrets) -> None:
    try:
        section[name] = read_secret(path)
        if open_to_others(path):
            found.warnings.append((place, f"{path}: others may read it: chmod 600 {path}"))
    except (ConfigError, OSError) as error:
        found.problems.append((place, str(error)))


def sections(
    value: Any, model: type[BaseModel], where: Location = ()
) -> Iterator[tuple[dict[str, Any], type[BaseModel], Location]]:
    """Every section in a document, with what it is meant for and its place."""
    if not isinstance(value, dict):
        return
    yield value, model, where
    for name, field_ in model.model_fields.items():
        inner = value.get(name)
        for kind in sections_of(field_):
            if not by_name(field_):
                yield from sections(inner, kind, (*where, name))
            elif isinstance(inner, dict):
                for member, held in inner.items():
                    yield from sections(held, kind, (*where, name, member))
