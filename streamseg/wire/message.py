"""Whole messages: always three parts, topic, header and body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from streamseg.errors import WireError
from streamseg.types import U8
from streamseg.wire.codecs import decode
from streamseg.wire.control_headers import HeartbeatHeader, InfoHeader, StatusHeader
from streamseg.wire.header import MaskHeader, PictureHeader
from streamseg.wire.json_reader import dump_object, load_object
from streamseg.wire.topics import VERSION, Kind, parse_topic, topic

PARTS = 3
EMPTY_BODIED = {Kind.INFO, Kind.STATUS, Kind.BEAT}

Header: TypeAlias = MaskHeader | InfoHeader | StatusHeader | HeartbeatHeader | PictureHeader
HEADERS: dict[Kind, type[Header]] = {
    Kind.MASK: MaskHeader,
    Kind.INFO: InfoHeader,
    Kind.STATUS: StatusHeader,
    Kind.BEAT: HeartbeatHeader,
    Kind.PICTURE: PictureHeader,
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was read; a mask's body is still encoded.

    Attributes:
        header: What kind of message it is and all it says of itself.
        body: The third part; empty but for masks and pictures.
    """

    header: Header
    body: bytes = b""

    def labels(self) -> U8:
        """Return the label map `[h, w]` uint8 of a mask message.

        Raises:
            WireError: It is no mask, in an encoding this end does not know, or not what its header says.
        """
        if not isinstance(self.header, MaskHeader):
            raise WireError(f"a message of kind {self.header.kind} has no label map")
        mask = self.header.mask
        return decode(self.body, mask.encoding, (mask.w, mask.h))


def dump_header(header: Header) -> bytes:
    """Return the header as JSON in UTF-8.

    Raises:
        WireError: It is too long, or holds a number that is not finite.
    """
    return dump_object(header.json, header.max_bytes)


def load_header(kind: Kind, raw: bytes) -> Header:
    """Read a header; the reverse of `dump_header`.

    Raises:
        WireError: It is too long, not JSON, of another version, or a value is missing or out of bounds.
    """
    fields = load_object(raw, HEADERS[kind].max_bytes)
    if (version := fields.whole("v")) != VERSION:
        raise WireError(f"a message of version {version}; this end knows version {VERSION}")
    return HEADERS[kind].read(fields)


def pack(header: Header, body: bytes = b"") -> list[bytes]:
    """Return the three parts of a message.

    Raises:
        WireError: The header cannot be written, or its stream has no proper name.
    """
    return [topic(header.stream, header.kind), dump_header(header), body]


def unpack(parts: Sequence[bytes]) -> Message:
    """Read a message; the reverse of `pack`.

    Raises:
        WireError: This is not a message of `seg/1`.
    """
    if len(parts) != PARTS:
        raise WireError(f"a message of {len(parts)} parts; {PARTS} are due")
    stream, kind = parse_topic(parts[0])
    header = load_header(kind, parts[1])
    if header.stream != stream:
        raise WireError(f"a message under the topic of {stream} says it is of {header.stream!r:.80}")
    if kind in EMPTY_BODIED and parts[2]:
        raise WireError(f"a message of kind {kind} with a body of {len(parts[2])} bytes")
    return Message(header, parts[2])
