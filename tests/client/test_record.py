"""Masks as files that viewers and programs both read."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np

from streamseg.client.record import indexed_png, save_mask
from streamseg.client.subscription import Mask
from streamseg.publish.compose import compose_mask
from streamseg.publish.outbox import Pending
from streamseg.types import ClassInfo
from tests.publish.conftest import make_segmentation

CLASSES = (ClassInfo(0, "sky", (10, 20, 30)), ClassInfo(3, "car", (200, 0, 100)))


def test_viewers_see_colours() -> None:
    labels = np.array([[0, 3, 3], [3, 0, 255]], np.uint8)
    seen = cv2.imdecode(np.frombuffer(indexed_png(labels, CLASSES), np.uint8), cv2.IMREAD_COLOR)
    assert seen[0, 1].tolist() == [100, 0, 200]
    assert seen[1, 2].tolist() == [0, 0, 0]


def test_programs_see_ids() -> None:
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    png = indexed_png(labels, CLASSES)
    at = png.index(b"IDAT")
    rows = zlib.decompress(png[at + 4 : at + 4 + int.from_bytes(png[at - 4 : at])])
    assert np.array_equal(np.frombuffer(rows, np.uint8).reshape(3, 5)[:, 1:], labels)


def test_a_mask_is_saved_under_stream_and_number(tmp_path: Path) -> None:
    sent = make_segmentation(12)
    header, _ = compose_mask(Pending(sent, "raw", "", 12, 0), epoch="e", wall=lambda: 1.0, clock=lambda: 1.0)
    path = save_mask(Mask(sent.labels, header, (), 0, 1.0), tmp_path, CLASSES)
    assert path == tmp_path / "gate-00000012.png"
    assert cv2.imread(str(path)).shape[:2] == sent.labels.shape
