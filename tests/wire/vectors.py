"""The golden vectors: for each message a `.bin` with its bytes and a `.json` with what they say.

A `.bin` holds the parts of the message, each after its length as u32, little-endian. `python -m
tests.wire.vectors` writes them anew; a change in them is a change of the protocol.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

from streamseg.wire.header import MaskHeader
from streamseg.wire.message import pack
from tests.wire.samples import LABELS, messages

GOLDEN = Path(__file__).parent / "golden"


def join(parts: list[bytes]) -> bytes:
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def split(blob: bytes) -> list[bytes]:
    parts = []
    while blob:
        (size,) = struct.unpack_from("<I", blob)
        parts.append(blob[4 : 4 + size])
        blob = blob[4 + size :]
    return parts


def write() -> None:
    for name, message in messages().items():
        parts = pack(message.header, message.body)
        (GOLDEN / f"{name}.bin").write_bytes(join(parts))
        said: dict[str, object] = {"topic": parts[0].decode(), "header": json.loads(parts[1])}
        if isinstance(message.header, MaskHeader):
            said["labels"] = LABELS.tolist()
        (GOLDEN / f"{name}.json").write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    write()
