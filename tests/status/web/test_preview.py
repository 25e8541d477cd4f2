"""A mask as a message for the page."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from streamseg.status.web.preview import encode
from streamseg.types import Region, Segmentation
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


def header_of(segmentation: Segmentation) -> dict[str, Any]:
    message = encode(segmentation, 80)
    (length,) = struct.unpack_from("<I", message)
    header: dict[str, Any] = json.loads(message[4 : 4 + length])
    return header


def test_a_message_tells_the_size_that_was_seen() -> None:
    """The page gives the picture the shape of its source, whatever the network's is."""
    made = mask()
    made = replace(made, frame=replace(made.frame, picture=replace(made.frame.picture, size_wh=(1920, 1080))))
    assert header_of(made)["seen"] == [1920, 1080]
    assert header_of(replace(made, region=Region(0, 270, 1920, 540)))["seen"] == [1920, 540]


def test_labels_that_lie_apart_in_memory() -> None:
    labels = np.zeros((48, 128), np.uint8)[:, ::2]
    assert encode(mask(labels=labels), 80)
