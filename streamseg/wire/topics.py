"""Topics: `seg/1/<stream>/<kind>`, and beside them `pic/1/<stream>/jpeg`.

ZeroMQ subscriptions match by prefix: the `/` after the stream's name keeps `cam1` from matching `cam10`.
"""

from __future__ import annotations

import re
from enum import StrEnum

from streamseg.errors import WireError
from streamseg.types import NAME

VERSION = 1
TOPIC_BYTES = 96  # the longest possible topic is 6 + 64 + 7; nothing longer is worth looking at
EVERYTHING = b"seg/1/"


class Kind(StrEnum):
    """What a message is; the last word of its topic."""

    MASK = "mask"
    INFO = "info"
    STATUS = "status"
    BEAT = "beat"
    PICTURE = "jpeg"  # opt-in, below `pic/1/`: who subscribes to masks never gets it


_NAME_BEGUN = re.compile(rb"[A-Za-z0-9_.-]{0,64}")  # of `types.NAME`, the first letters
_KINDS = {
    b"seg/1/": tuple(kind.encode() for kind in Kind if kind is not Kind.PICTURE),
    b"pic/1/": (Kind.PICTURE.encode(),),
}


def topic(stream: str, kind: Kind) -> bytes:
    """The topic of one kind of message of one stream.

    Raises:
        WireError: `stream` is not a stream's name.
    """
    return prefix(stream, "pic" if kind is Kind.PICTURE else "seg") + kind.encode()


def prefix(stream: str, family: str = "seg") -> bytes:
    """What to subscribe to for everything about one stream; with family `pic`, for its pictures.

    Raises:
        WireError: `stream` is not a stream's name.
    """
    if not NAME.fullmatch(stream):
        raise WireError(
            f"not a stream's name: {stream!r:.80} (letters, digits, _ . - and at most 64 of them)"
        )
    return f"{family}/{VERSION}/{stream}/".encode()


def may_match(wanted: bytes) -> bool:
    """Whether some topic, of whatever stream, begins with the subscription `wanted`."""
    family, rest = wanted[:6], wanted[6:]
    if family not in _KINDS:
        return any(known.startswith(family) for known in _KINDS) and not rest
    name, slash, kind = rest.partition(b"/")
    if not _NAME_BEGUN.fullmatch(name) or (slash and not name):
        return False
    return not slash or any(known.startswith(kind) for known in _KINDS[family])


def parse_topic(raw: bytes) -> tuple[str, Kind]:
    """The stream and kind a topic names.

    Raises:
        WireError: It is no topic of this version.
    """
    stream, _, kind = raw[6:TOPIC_BYTES].decode("ascii", "replace").partition("/")
    if kind not in set(Kind) or not NAME.fullmatch(stream) or topic(stream, Kind(kind)) != raw:
        raise WireError(f"not a topic of seg/1: {raw[:TOPIC_BYTES]!r}")
    return stream, Kind(kind)
