"""The words every room shares: plain frozen data, no behaviour beyond small derived facts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamseg.redact import redact_credentials

U8: TypeAlias = NDArray[np.uint8]
F32: TypeAlias = NDArray[np.float32]
BOOL: TypeAlias = NDArray[np.bool_]

# Names of streams, packages, runs and epochs: fit for a topic, a file's name and a URL.
NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Clock(StrEnum):
    """How far a capture time can be trusted: the camera's own (RTCP), this host's, or a file's pts."""

    RTCP = "rtcp"
    HOST = "host"
    FILE = "file"


class StreamState(StrEnum):
    """The states of a stream (WIRE.md, kind = status)."""

    CONNECTING = "connecting"
    RUNNING = "running"
    STALLED = "stalled"
    BACKOFF = "backoff"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StateChange:
    """A stream entered a state; the content of a status message (WIRE.md).

    Attributes:
        stream: Name of the stream.
        state: The state entered.
        since_unix_s: When, wall time in seconds since 1970.
        reason: A value of `SourceFault` or `StreamFault`, or empty; never free text.
        message: One line for a person, without credentials.
        retry_in_s: Seconds until the next attempt, where one is planned.
    """

    stream: str
    state: StreamState
    since_unix_s: float
    reason: str = ""
    message: str = ""
    retry_in_s: float | None = None

    def __post_init__(self) -> None:
        """What a library says of a URL holds the URL: nothing of it may reach the socket or the page."""
        object.__setattr__(self, "message", redact_credentials(self.message))


class PixelLayout(StrEnum):
    """How a picture's planes are laid out; what capture can convert without a full-size copy."""

    YUV420 = "yuv420"  # three planes: Y [H, W], U and V [H/2, W/2]
    YUV422 = "yuv422"  # three planes: Y [H, W], U and V [H, W/2]
    YUV444 = "yuv444"  # three planes of [H, W]
    NV12 = "nv12"  # two planes: Y [H, W], UV [H/2, W/2, 2]
    GRAY = "gray"  # one plane [H, W]
    RGB = "rgb"  # one plane [H, W, 3]


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture in its own pixel format; the planes belong to it (no view into a decoder's buffer).

    Attributes:
        layout: How `planes` is to be read.
        planes: uint8 arrays, shapes as in `PixelLayout`.
        size_wh: Width and height in pixels.
        full_range: Luma spans 0…255 (JPEG range) instead of 16…235.
        bt709: Colours use the BT.709 matrix instead of BT.601.
    """

    layout: PixelLayout
    planes: tuple[U8, ...]
    size_wh: tuple[int, int]
    full_range: bool = False
    bt709: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture of one stream.

    Attributes:
        stream: Name of the stream.
        seq: Counts captured frames from 0, so that a gap is a drop; never goes back, nor on reconnects.
        pts_s: Presentation time in the source's own clock, seconds; None where the source gives none.
        captured_mono_s: `time.monotonic()` when the frame was captured (durations, age).
        captured_unix_s: Wall time of the capture, seconds since 1970 (consumers).
        clock: What `captured_unix_s` rests on.
        picture: The picture, in its own pixel format.
        decode_ms: Time spent decoding it, milliseconds.
        discontinuity: The first frame after a (re)connect or a loop of a file, or a later one where that was
            dropped: nothing may be carried over.
    """

    stream: str
    seq: int
    pts_s: float | None
    captured_mono_s: float
    captured_unix_s: float
    clock: Clock
    picture: Picture
    decode_ms: float = 0.0
    discontinuity: bool = False


class TemporalMode(StrEnum):
    """What steadies the masks of a stream over time."""

    CONVGRU = "convgru"
    EMA = "ema"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a frame, pixels from its top left corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The label map of one frame, with the identity and times of that frame. What is published.

    Attributes:
        frame: The frame it was made from.
        labels: Label map `[H, W]` uint8, one class id a pixel; 255 = ignore.
        confidence: `[H, W]` uint8, 255 = certain; None where the package gives none.
        rgb: The picture as the network saw it, `[H, W, 3]` uint8.
        mode: What steadied it.
        reset: The memory was let go before this frame.
        ms: Milliseconds by stage: decode, wait, infer, stabilise.
        capture_drops: Frames of this stream dropped before inference since the daemon started.
        region: The part of the frame that `labels` covers; None for all of it.
        output_wh: Width and height the mask is to be published at, pixels; None for that of `labels`.
        reset_reason: Why it was let go, a value of `temporal.reset.ResetReason`; empty where it was not.
    """

    frame: Frame
    labels: U8
    confidence: U8 | None
    rgb: U8
    mode: TemporalMode
    reset: bool
    ms: Mapping[str, float] = field(default_factory=dict)
    capture_drops: int = 0
    region: Region | None = None
    output_wh: tuple[int, int] | None = None
    reset_reason: str = ""


def precision_name(text: str) -> str:
    """Our name of a precision that others call `fp32` or `fp16`; any other as it is."""
    return {"fp32": "f32", "fp16": "f16"}.get(text, text)


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """One class of a model: id in the label map, name, display colour (r, g, b)."""

    id: int
    name: str
    color: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a subscriber must know to draw and to trust a mask (WIRE.md, kind = info)."""

    name: str
    version: str
    sha256: str
    license: str
    classes: tuple[ClassInfo, ...]
    backend: str
    precision: str
    mask_wh: tuple[int, int]
