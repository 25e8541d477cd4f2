"""Label maps to bytes and back: `raw`, `zstd`, `rle`, `png`.

Nothing a body says about its own size is believed: what is allocated follows from the size in the header,
which is bounded (`MAX_PIXELS`).
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from streamseg.errors import WireError
from streamseg.types import U8
from streamseg.wire.png import decode_png, encode_png
from streamseg.wire.rle import most_bytes, pack_runs, unpack_runs
from streamseg.wire.zstd import compress, decompress

MAX_PIXELS = 2**26  # 64 Mpixel, far beyond any network


class Encoding(StrEnum):
    """How the body of a mask message holds the label map."""

    RAW = "raw"  # row-major bytes
    ZSTD = "zstd"  # raw, in one zstd frame
    RLE = "rle"  # runs, in one zstd frame; the smallest
    PNG = "png"  # 8-bit grey, for browsers


def encode(labels: U8, encoding: str) -> bytes:
    """Return the body of a mask message.

    Args:
        labels: Label map `[h, w]` uint8.
        encoding: One of `Encoding`.

    Raises:
        WireError: No such encoding, or `labels` is no label map.
    """
    if labels.ndim != 2 or labels.dtype != np.uint8 or not 0 < labels.size <= MAX_PIXELS:
        raise WireError(f"not a label map [h, w] uint8: {labels.dtype} {labels.shape}")
    match encoding:
        case Encoding.RAW:
            return labels.tobytes()
        case Encoding.ZSTD:
            return compress(np.ascontiguousarray(labels).data)
        case Encoding.RLE:
            return compress(pack_runs(labels))
        case Encoding.PNG:
            return encode_png(labels)
    raise _unknown(encoding)


def decode(body: bytes, encoding: str, wh: tuple[int, int]) -> U8:
    """Return the label map `[h, w]` uint8 of a mask message, an array of its own.

    Args:
        body: The body of the message.
        encoding: As its header names it.
        wh: Width and height as its header names them, pixels.

    Raises:
        WireError: This end does not know the encoding, or the body is not what the header says.
    """
    width, height = wh
    pixels = width * height
    if width < 1 or height < 1 or pixels > MAX_PIXELS:
        raise WireError(f"a mask of {width}×{height} pixels; 1 to {MAX_PIXELS} are allowed")
    match encoding:
        case Encoding.RAW:
            labels = _from_bytes(body, pixels)
        case Encoding.ZSTD:
            labels = _from_bytes(decompress(body, pixels), pixels)
        case Encoding.RLE:
            labels = unpack_runs(decompress(body, most_bytes(pixels)), pixels)
        case Encoding.PNG:
            labels = decode_png(body, wh)
        case _:
            raise _unknown(encoding)
    return labels.reshape(height, width)


def _from_bytes(content: bytes, pixels: int) -> U8:
    if len(content) != pixels:
        raise WireError(f"a label map of {len(content)} bytes where {pixels} are due")
    return np.frombuffer(content, np.uint8).copy()


def _unknown(encoding: str) -> WireError:
    return WireError(f"unknown mask encoding {encoding!r:.40}; this end knows {', '.join(Encoding)}")
