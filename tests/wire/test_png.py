"""PNG: 8-bit grey of the right size, checked before a decoder sees it."""

from __future__ import annotations

import struct
import sys
import zlib

import cv2
import numpy as np
import pytest

from streamseg.errors import WireError
from streamseg.wire.png import chunk, decode_png, encode_png
from tests.wire.samples import LABELS

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = chunk(b"IEND", b"")


def header(w: int, h: int, *kind: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">II5B", w, h, *(kind or (8, 0, 0, 0, 0))))


def png(data: bytes, head: bytes = header(8, 6)) -> bytes:
    return SIGNATURE + head + chunk(b"IDAT", zlib.compress(data)) + END


def test_labels_come_back() -> None:
    np.testing.assert_array_equal(decode_png(encode_png(LABELS), (8, 6)), LABELS)


def test_any_decoder_reads_it() -> None:
    image = cv2.imdecode(np.frombuffer(encode_png(LABELS), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(image, LABELS)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"GIF89a",
        SIGNATURE,
        encode_png(LABELS)[:-1],
        encode_png(LABELS)[:40],
        encode_png(LABELS).replace(b"IDAT", b"IDAX"),
        encode_png(LABELS.T.copy()),
        png(bytes(9 * 6 - 1)),
        png(bytes(9 * 6 + 1)),
        png(bytes(10**6)),
        png(bytes(9 * 6), header(2**31 - 1, 2**31 - 1)),
        png(bytes(9 * 6), header(8, 6, 16, 0, 0, 0, 0)),
        png(bytes(9 * 6), header(8, 6, 8, 3, 0, 0, 0)),
        SIGNATURE + header(8, 6) + chunk(b"IDAT", b"no zlib") + END,
        SIGNATURE + header(8, 6) + END,
    ],
)
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(WireError, match="png"):
        decode_png(body, (8, 6))


def test_an_unknown_row_filter_is_refused() -> None:
    with pytest.raises(WireError, match="damaged"):
        decode_png(png(bytes([99, *bytes(8)]) * 6), (8, 6))


def test_without_opencv_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(WireError, match="pip install opencv"):
        encode_png(LABELS)
