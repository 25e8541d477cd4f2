"""One message of every kind with every key filled, and the small label map in the masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streamseg.types import ClassInfo, ModelInfo
from streamseg.wire.codecs import Encoding, encode
from streamseg.wire.control_headers import HeartbeatHeader, InfoHeader, StatusHeader
from streamseg.wire.header import Drops, FrameTimes, MaskHeader, MaskLayout, PictureHeader
from streamseg.wire.message import Header, Message

LABELS = np.array(
    [
        [0, 0, 0, 0, 1, 1, 1, 1],
        [0, 0, 3, 3, 1, 1, 1, 1],
        [0, 0, 3, 3, 3, 8, 8, 1],
        [8, 8, 3, 3, 3, 8, 8, 8],
        [8, 8, 8, 8, 8, 8, 8, 255],
        [8, 8, 8, 8, 8, 8, 255, 255],
    ],
    np.uint8,
)
TIMES = FrameTimes(capture=1790000000.123, clock="rtcp", pts=612.4, publish=1790000000.151)
MASK = MaskHeader(
    stream="gate",
    epoch="9f2c1d",
    seq=18233,
    frame_seq=55120,
    time=TIMES,
    frame_wh=(32, 18),
    mask=MaskLayout(8, 6, "raw", (4.0, 0.0, 0.0, 0.0, 3.0, 0.0)),
    present=(0, 1, 3, 8),
    fraction=(0.1667, 0.1875, 0.1667, 0.4167),
    confidence=0.93,
    model="sha256:" + "ab" * 32,
    mode="convgru",
    reset=False,
    drops=Drops(capture=2, publish=0),
    ms={"decode": 4.1, "wait": 0.3, "infer": 11.8, "stabilise": 2.2, "encode": 0.2},
)
MODEL = ModelInfo(
    name="camvid-lite0",
    version="1.0.0",
    sha256="ab" * 32,
    license="CC-BY-NC-4.0",
    classes=(ClassInfo(0, "sky", (128, 128, 128)), ClassInfo(8, "Fußgänger", (64, 64, 0))),
    backend="openvino",
    precision="bf16",
    mask_wh=(8, 6),
)
INFO = InfoHeader("gate", "9f2c1d", MODEL)
STATUS = StatusHeader(
    stream="gate",
    epoch="9f2c1d",
    state="backoff",
    since=1790000000.5,
    reason="timeout",
    message="rtsp://***@10.0.0.7/live: no answer within 5 s",
    retry_in_s=1.5,
    fps=14.9,
)
BEAT = HeartbeatHeader("gate", "9f2c1d", 18233, 1790000001.0)
PICTURE = PictureHeader("gate", "9f2c1d", 18233, TIMES)


def mask_header(encoding: str) -> MaskHeader:
    return replace(MASK, mask=replace(MASK.mask, encoding=encoding))


def messages() -> dict[str, Message]:
    masks = {f"mask-{e.value}": Message(mask_header(e.value), encode(LABELS, e)) for e in Encoding}
    notices: dict[str, Header] = {"info": INFO, "status": STATUS, "beat": BEAT}
    picture = {"picture": Message(PICTURE, b"\xff\xd8 stands for a JPEG \xff\xd9")}
    return masks | {name: Message(header) for name, header in notices.items()} | picture
