"""A mask and its picture as one message for the page: small enough for a phone, exact in its labels.

    u32 (little-endian) length of the header · header, JSON · JPEG of the picture · label map, raw in zlib

`size` is that of both, `seen` the size in the source of what they show: the frame, or its region. A network
sees pictures of one shape; the page gives them back their own.

Browsers unfold zlib by themselves (`DecompressionStream`), to the very label ids; a PNG would have to pass
their colour management.
"""

from __future__ import annotations

import json
import struct
import zlib

import cv2
import numpy as np

from streamseg.types import Segmentation

_FAST = 1  # of zlib's levels: a third of the time of its default, and hardly larger for masks


def encode(segmentation: Segmentation, jpeg_quality: int) -> bytes:
    """The message of a mask."""
    jpeg = _jpeg(segmentation, jpeg_quality)
    labels = zlib.compress(np.ascontiguousarray(segmentation.labels).data, _FAST)
    height, width = segmentation.labels.shape
    frame = segmentation.frame
    seen, region = frame.picture.size_wh, segmentation.region
    header = json.dumps(
        {
            "stream": frame.stream,
            "seq": frame.seq,
            "captured": round(frame.captured_unix_s, 3),
            "size": [width, height],
            "seen": list(seen if region is None else (region.width, region.height)),
            "reset": segmentation.reset,
            "jpeg": len(jpeg),
            "labels": len(labels),
        },
        separators=(",", ":"),
    ).encode()
    return b"".join((struct.pack("<I", len(header)), header, jpeg, labels))


def _jpeg(segmentation: Segmentation, quality: int) -> bytes:
    bgr = cv2.cvtColor(segmentation.rgb, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])
