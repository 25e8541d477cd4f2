"""Files of a configuration that hold passwords and can be read by somebody who need not know them."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from streamseg.config.env import VARIABLE
from streamseg.config.metadata import Secret, secret_of
from streamseg.config.schema import Config
from streamseg.config.secrets import sections
from streamseg.config.sources import Written
from streamseg.config.yaml_source import Location
from streamseg.redact import redact_credentials

_SEPARATOR = re.compile(r"[?&;/,#]")


def exposed_passwords(written: Written) -> Iterator[tuple[Location, str]]:
    """For each file that others may read: the first password in it, and what to do."""
    told: set[str] = set()
    for where in _passwords(written.document):
        origin = written.places.file_of(where)
        if origin not in told and (who := readers(Path(origin))):
            told.add(origin)
            mend = f"chmod {_tighter(Path(origin))} {origin}"
            elsewhere = "put the password into a file of its own (password_file) or a variable"
            yield where, f"holds a password, and {who} may read the file: {mend}, or {elsewhere}"


def readers(path: Path) -> str:
    """Who may read a file besides root, its owner and the group that is the service's own; empty for nobody.

    The owner's and the service's own group, which nobody else is in, are no reason to worry.
    """
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ""
    if found.st_mode & stat.S_IROTH:
        return "everybody on this machine"
    members = _members(found.st_gid, found.st_uid) if found.st_mode & stat.S_IRGRP else []
    return f"other members of its group ({', '.join(members)})" if members else ""


def _members(gid: int, owner: int) -> list[str]:
    """The users in a group but root, the owner, whoever asks, and the one whom the group is named after."""
    try:
        group = grp.getgrgid(gid)
    except KeyError:
        return []
    users = {user.pw_name: user.pw_uid for user in pwd.getpwall()}
    named = [*group.gr_mem, *(user.pw_name for user in pwd.getpwall() if user.pw_gid == gid)]
    known = {0, owner, os.geteuid()}
    return sorted({name for name in named if users.get(name) not in known and name != group.gr_name})


def _tighter(path: Path) -> str:
    """The mode, as chmod(1) takes it, that keeps the readers out."""
    return "o=" if path.stat().st_mode & stat.S_IROTH else "g="


def _passwords(document: Any) -> Iterator[Location]:
    """Where a password stands itself, and not only the variable that holds it."""
    for section, model, where in sections(document, Config):
        for name, field in model.model_fields.items():
            value = section.get(name)
            if isinstance(value, str) and _holds_password(value, secret_of(field)):
                yield (*where, name)
        source = section.get("source")
        if isinstance(source, str) and _holds_password(source, Secret.CREDENTIALS):
            yield (*where, "source")


def _holds_password(text: str, secret: Secret | None) -> bool:
    written = re.sub(VARIABLE, "", text)
    if secret is not Secret.CREDENTIALS:
        return secret is Secret.ALL and written.strip() != ""
    try:
        return bool(urlsplit(written).password) or any(map(_is_credential, _SEPARATOR.split(written)))
    except ValueError:
        return "@" in written


def _is_credential(part: str) -> bool:
    """Whether a part of a URL is a parameter such as `token=x`."""
    return "=" in part and redact_credentials(part) != part
