"""Masks as files that viewers and programs both read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from streamseg.client.draw import colorize
from streamseg.client.record import indexed_png, save_mask
from streamseg.client.subscription import Mask
from streamseg.publish.encode import build_mask_message
from streamseg.publish.outbox import Pending
from streamseg.types import U8, ClassInfo
from tests.publish.conftest import make_segmentation

CLASSES = (ClassInfo(0, "sky", (10, 20, 30)), ClassInfo(3, "car", (200, 0, 100)))


SIGNATURE = b"\x89PNG\r\n\x1a\n"
LABELS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=20))


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk, its checksum verified (W3C PNG, section 5.3)."""
    assert png.startswith(SIGNATURE)
    at = len(SIGNATURE)
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        name, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size) == (zlib.crc32(name + content),)
        yield name, content
        at += size + 12


@given(LABELS)
def test_viewers_see_colours(labels: U8) -> None:
    png = np.frombuffer(indexed_png(labels, CLASSES), np.uint8)
    seen = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
    assert np.array_equal(seen[..., ::-1], colorize(labels, CLASSES))


@given(LABELS)
def test_programs_see_ids(labels: U8) -> None:
    found = dict(chunks(indexed_png(labels, CLASSES)))
    height, width = labels.shape
    assert list(found) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert found[b"IHDR"] == struct.pack(">2I5B", width, height, 8, 3, 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any(), "no row is filtered"
    assert np.array_equal(rows[:, 1:], labels)


def test_a_view_of_a_label_map_is_written_as_it_looks() -> None:
    labels = np.arange(24, dtype=np.uint8).reshape(4, 6)[::-1, ::2]
    assert indexed_png(labels, CLASSES) == indexed_png(labels.copy(), CLASSES)


def test_a_mask_is_saved_under_stream_epoch_and_number(tmp_path: Path) -> None:
    sent = make_segmentation(12)
    header, _ = build_mask_message(
        Pending(sent, "raw", "", 12, 0), epoch="e", wall=lambda: 1.0, clock=lambda: 1.0
    )
    path = save_mask(Mask(sent.labels, header, (), 0, 1.0), tmp_path, CLASSES)
    assert path == tmp_path / "gate-e-00000012.png"
    assert path.read_bytes() == indexed_png(sent.labels, CLASSES)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    sent = make_segmentation()
    header, _ = build_mask_message(
        Pending(sent, "raw", "", 0, 0), epoch="e", wall=lambda: 1.0, clock=lambda: 1.0
    )
    with pytest.raises(FileNotFoundError):
        save_mask(Mask(sent.labels, header, (), 0, 1.0), tmp_path / "gone", CLASSES)
