"""Label maps to bytes and back: `raw`, `zstd`, `rle`, `png`.

Nothing a body says about its own size is believed: what is allocated follows from the size in the header,
which is bounded (`MAX_PIXELS`).
"""

from __future__ import annotations

import struct
import threading
from enum import StrEnum

import numpy as np
import zstandard

from streamseg.errors import WireError
from streamseg.types import U8

ZSTD_LEVEL = 1  # a label map of 480×360: 0.2 ms and 3–6 KB; higher levels gain little
MAX_PIXELS = 2**26  # 64 Mpixel, far beyond any network

_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"  # ISO/IEC 15948, sections 5.2 and 11.2.2
_PNG_GRAY8 = (8, 0)  # bit depth, colour type


class Encoding(StrEnum):
    """How the body of a mask message holds the label map."""

    RAW = "raw"  # row-major bytes
    ZSTD = "zstd"  # raw, in one zstd frame (RFC 8878)
    RLE = "rle"  # runs, in one zstd frame; the smallest
    PNG = "png"  # 8-bit grey, for browsers


class _Zstd(threading.local):
    """Contexts of zstd are costly to make and belong to one thread at a time."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_ZSTD = _Zstd()


def encode(labels: U8, encoding: str) -> bytes:
    """The body of a mask message.

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
            return _ZSTD.compressor.compress(np.ascontiguousarray(labels).data)
        case Encoding.RLE:
            return _ZSTD.compressor.compress(to_runs(labels))
        case Encoding.PNG:
            return _to_png(labels)
    raise _unknown(encoding)


def decode(body: bytes, encoding: str, wh: tuple[int, int]) -> U8:
    """The label map `[h, w]` uint8 of a mask message, an array of its own.

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
        raise WireError(f"a mask of {width}x{height} pixels; 1 to {MAX_PIXELS} are allowed")
    match encoding:
        case Encoding.RAW:
            flat = np.frombuffer(_exactly(body, pixels), np.uint8).copy()
        case Encoding.ZSTD:
            flat = np.frombuffer(_exactly(_decompress(body, pixels), pixels), np.uint8).copy()
        case Encoding.RLE:
            flat = from_runs(_decompress(body, 4 + 5 * pixels), pixels)
        case Encoding.PNG:
            flat = _from_png(body, wh)
        case _:
            raise _unknown(encoding)
    return flat.reshape(height, width)


def to_runs(labels: U8) -> bytes:
    """Row-major runs over the whole map: u32 n, n × u8 label, n × u32 length; little-endian."""
    flat = labels.ravel()
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    lengths = np.diff(starts, append=flat.size).astype("<u4")
    return struct.pack("<I", len(starts)) + flat[starts].tobytes() + lengths.tobytes()


def from_runs(runs: bytes, pixels: int) -> U8:
    """The flat label map `[pixels]` that `to_runs` made runs of.

    Raises:
        WireError: The runs do not cover exactly `pixels` pixels, or one of them none.
    """
    if len(runs) < 4:
        raise WireError(f"runs of {len(runs)} bytes; even their count takes 4")
    (count,) = struct.unpack_from("<I", runs)
    _exactly(runs, 4 + 5 * count)
    labels = np.frombuffer(runs, np.uint8, count, 4)
    lengths = np.frombuffer(runs, "<u4", count, 4 + count)
    if count == 0 or lengths.min() == 0 or lengths.sum(dtype=np.uint64) != pixels:
        raise WireError(f"{count} runs that do not make up a mask of {pixels} pixels")
    return np.repeat(labels, lengths)


def _decompress(body: bytes, at_most: int) -> bytes:
    try:
        # zstandard allocates what the frame claims to hold, `max_output_size` or not: look at the claim first
        claimed = zstandard.get_frame_parameters(body).content_size
        if claimed not in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR) and claimed > at_most:
            raise WireError(f"a zstd body that claims {claimed} bytes; {at_most} are allowed")
        return _ZSTD.decompressor.decompress(body, max_output_size=at_most, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise WireError(f"a body is not zstd: {error}") from None


def _exactly(content: bytes, size: int) -> bytes:
    if len(content) != size:
        raise WireError(f"a body of {len(content)} bytes where {size} are due")
    return content


def _to_png(labels: U8) -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", labels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1])


def _from_png(body: bytes, wh: tuple[int, int]) -> U8:
    """Checks the size in the PNG's own header before anything is decoded."""
    if body[:16] != _PNG_START or len(body) < 33:
        raise WireError("a body is not PNG")
    width, height, *layout = struct.unpack_from(">IIBB", body, 16)
    if (width, height) != wh or tuple(layout) != _PNG_GRAY8:
        raise WireError(f"a PNG of {width}x{height} pixels where {wh[0]}x{wh[1]} of 8-bit grey are due")
    import cv2

    try:
        labels = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error as error:
        raise WireError(f"a PNG cannot be decoded: {error.err}") from None
    if labels is None or labels.shape != (height, width):
        raise WireError("a PNG cannot be decoded")
    return np.asarray(labels, np.uint8)


def _unknown(encoding: str) -> WireError:
    return WireError(f"unknown mask encoding {encoding!r:.40}; this end knows {', '.join(Encoding)}")
