"""A mask as a message for the page."""

from __future__ import annotations

import json
import struct
import zlib

import cv2
import numpy as np

from streamseg.status.picture import encode
from tests.status.masks import SIZE_WH, mask, plane


def test_a_message_holds_header_picture_and_labels() -> None:
    labels = plane()
    labels[3:9, 5:20] = 7
    message = encode(mask(seq=4, labels=labels, captured_s=1.0), 80)
    (length,) = struct.unpack_from("<I", message)
    header = json.loads(message[4 : 4 + length])
    picture = message[4 + length :][: header["jpeg"]]
    packed = message[4 + length + header["jpeg"] :]
    assert (header["stream"], header["seq"], header["size"]) == ("gate", 4, list(SIZE_WH))
    assert header["labels"] == len(packed)
    shown = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (48, 64, 3)
    assert abs(int(shown[20, 20, 0]) - 99) < 4
    np.testing.assert_array_equal(np.frombuffer(zlib.decompress(packed), np.uint8).reshape(48, 64), labels)


def test_labels_that_lie_apart_in_memory() -> None:
    labels = np.zeros((48, 128), np.uint8)[:, ::2]
    assert encode(mask(labels=labels), 80)
