"""The file of one compiled graph. Pure.

streamseg-plan 1 <sha256 of all that follows this line>
<one line of JSON: key, origin, made_unix_s>
<the compiled graph>
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from streamseg.inference.cache.key import CacheKey, Origin

_MAGIC = b"streamseg-plan 1 "
_LONGEST_LINE = 1 << 16


@dataclass(frozen=True, slots=True)
class EntryHeader:
    """What an entry says of itself.

    Attributes:
        key: What it depends on.
        origin: Whence it comes.
        made_unix_s: When it was made, seconds since 1970.
    """

    key: CacheKey
    origin: Origin
    made_unix_s: float


def pack(label: EntryHeader, plan: bytes) -> list[bytes]:
    """The file, in pieces to be written one after the other."""
    origin = label.origin
    words = {
        "key": label.key.json,
        "origin": {"package": origin.package, "folder": str(origin.folder), "role": origin.role},
        "made_unix_s": label.made_unix_s,
    }
    line = json.dumps(words).encode() + b"\n"
    return [_MAGIC + _checksum([line, plan]) + b"\n", line, plan]


def unpack(data: bytes) -> tuple[EntryHeader, memoryview]:
    """What a file holds: its label and the compiled graph.

    Raises:
        ValueError: What is wrong with it, for people; no part of it is to be used.
    """
    if not data.startswith(_MAGIC):
        raise ValueError("not an entry of this version")
    head, body = _line(memoryview(data))
    if bytes(head) != _MAGIC + _checksum([body]):
        raise ValueError("damaged: its checksum is another")
    words, plan = _line(body)
    return _label(bytes(words)), plan


def _label(line: bytes) -> EntryHeader:
    try:
        words = json.loads(line)
        origin = words["origin"]
        return EntryHeader(
            CacheKey.from_json(words["key"]),
            Origin(origin["package"], Path(origin["folder"]), origin["role"]),
            float(words["made_unix_s"]),
        )
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError("not an entry of this version") from error


def _line(data: memoryview) -> tuple[memoryview, memoryview]:
    """Up to the first line break, and what follows it."""
    end = bytes(data[:_LONGEST_LINE]).find(b"\n")
    if end < 0:
        raise ValueError("damaged: it ends in its first lines")
    return data[:end], data[end + 1 :]


def _checksum(parts: Iterable[bytes | memoryview]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest().encode()
