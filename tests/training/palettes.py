"""PNGs with a palette, as PASCAL VOC and annotation tools write them; OpenCV can only read such."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from streamseg.types import U8


def write_palette_png(path: Path, indices: U8, colors: Sequence[tuple[int, int, int]], bits: int = 8) -> None:
    """Write indices `[H, W]` with a palette, `bits` a pixel (PNG specification, 11.2)."""
    height, width = indices.shape
    planes = np.unpackbits(indices[..., None], axis=2)[..., 8 - bits :].reshape(height, width * bits)
    rows = b"".join(b"\0" + row.tobytes() for row in np.packbits(planes, axis=1))
    head = struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0)
    palette = bytes(value for color in colors for value in color)
    chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
