"""8-bit grey PNG (W3C PNG, third edition), written and read with OpenCV, checked before OpenCV sees it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from streamseg.errors import WireError
from streamseg.types import U8

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY_8 = (8, 0, 0, 0, 0)  # bit depth, colour type, compression, filter, interlace


def encode_png(labels: U8) -> bytes:
    """Return a label map `[h, w]` uint8 as a PNG.

    Raises:
        WireError: OpenCV is not installed.
    """
    _, encoded = _opencv().imencode(".png", labels)
    return bytes(encoded)


def decode_png(body: bytes, size_wh: tuple[int, int]) -> U8:
    """Return the label map `[h, w]` uint8 of a PNG of exactly that size.

    Raises:
        WireError: Damaged, of another size or kind, or OpenCV is not installed.
    """
    cv2 = _opencv()
    image = cv2.imdecode(np.frombuffer(_plain(body, size_wh), np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint8 or image.shape != size_wh[::-1]:
        raise WireError("the png body is damaged")
    labels: U8 = image
    return labels


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG chunk: length, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _plain(body: bytes, size_wh: tuple[int, int]) -> bytes:
    """The PNG again with nothing in it but size and pixels, both checked: no animation, no text."""
    header = struct.pack(">II5B", *size_wh, *_GREY_8)
    chunks = list(_chunks(body))
    if not chunks or chunks[0] != (b"IHDR", header):
        raise WireError(f"the png body is not 8-bit grey of {size_wh[0]}×{size_wh[1]}")
    pixels = b"".join(data for kind, data in chunks if kind == b"IDAT")
    _check_pixels(pixels, (size_wh[0] + 1) * size_wh[1])
    return _SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _chunks(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not body.startswith(_SIGNATURE):
        raise WireError("the png body does not begin like a PNG")
    place = len(_SIGNATURE)
    while place < len(body):
        (length,) = struct.unpack(">I", body[place : place + 4].rjust(4, b"\xff"))
        found = body[place : place + length + 12]
        kind, data = found[4:8], found[8:-4]
        if found != chunk(kind, data):
            raise WireError("the png body is cut off or damaged")
        yield kind, data
        place += len(found)


def _check_pixels(data: bytes, size: int) -> None:
    """The image data must unfold to exactly `size` bytes: a filter byte and `w` pixels a row."""
    inflater = zlib.decompressobj()
    try:
        unfolded = len(inflater.decompress(data, size + 1))
    except zlib.error as error:
        raise WireError(f"the png body is damaged: {error}") from None
    if unfolded != size or not inflater.eof:
        raise WireError("the png body does not hold the pixels its header tells of")


def _opencv() -> Any:
    try:
        import cv2  # noqa: PLC0415  # a subscriber that gets no PNG needs no OpenCV
    except ImportError:
        raise WireError("masks in png need OpenCV: pip install opencv-python-headless") from None
    return cv2
