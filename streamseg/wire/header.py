"""The headers of masks and of their pictures, as frozen data and as JSON.

Words from lists that may grow (`clock`, `encoding`, `mode`, `state`, `reason`) are read as text, so that a
subscriber of today still reads tomorrow's messages. Unknown keys are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, TypeAlias

from streamseg.errors import WireError
from streamseg.wire.codecs import MAX_PIXELS
from streamseg.wire.json_reader import JsonReader
from streamseg.wire.topics import VERSION, Kind

HEADER_BYTES = 4096
IGNORE = 255
CLASSES = 256

Affine: TypeAlias = tuple[float, float, float, float, float, float]


def identity(stream: str, epoch: str, seq: int | None) -> dict[str, Any]:
    """The keys that masks, pictures and beats begin with."""
    return {"v": VERSION, "stream": stream, "epoch": epoch, "seq": seq}


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """When: seconds since 1970, but for `pts`.

    Attributes:
        capture: When the frame was captured.
        clock: How far `capture` can be trusted: rtcp, host or file.
        pts: Presentation time in the source's own clock, seconds.
        publish: When the message was made.
    """

    capture: float
    clock: str
    pts: float | None
    publish: float

    @property
    def json(self) -> dict[str, Any]:
        """As on the wire."""
        return {"capture": self.capture, "clock": self.clock, "pts": self.pts, "publish": self.publish}

    @classmethod
    def read(cls, fields: JsonReader) -> Self:
        """The reverse of `json`."""
        return cls(
            fields.number("capture"),
            fields.text("clock"),
            fields.number_or_none("pts"),
            fields.number("publish"),
        )


@dataclass(frozen=True, slots=True)
class MaskLayout:
    """How to read the body of a mask message.

    Attributes:
        w: Width of the label map, pixels.
        h: Its height.
        encoding: How the body holds it.
        to_frame: From a point of the mask to that point of the frame, both in pixels from the top left
            corner: `x' = a x + b y + c`, `y' = d x + e y + f`.
    """

    w: int
    h: int
    encoding: str
    to_frame: Affine

    @property
    def json(self) -> dict[str, Any]:
        """As on the wire; `bytes` is the size of the label map, not of the body."""
        shape = {"w": self.w, "h": self.h, "dtype": "u8", "encoding": self.encoding, "bytes": self.w * self.h}
        return shape | {"to_frame": list(self.to_frame)}

    @classmethod
    def read(cls, fields: JsonReader) -> Self:
        """The reverse of `json`."""
        w, h = fields.whole("w", 1, MAX_PIXELS), fields.whole("h", 1, MAX_PIXELS)
        if fields.text("dtype") != "u8" or w * h > MAX_PIXELS or fields.whole("bytes") != w * h:
            raise WireError(
                f"a mask of {w}x{h} pixels with another dtype or number of bytes than u8 and w times h"
            )
        to_frame = fields.numbers("to_frame", 6)
        if len(to_frame) != 6:
            raise WireError(f"to_frame has {len(to_frame)} numbers; 6 make an affine map")
        return cls(w, h, fields.text("encoding"), to_frame)


@dataclass(frozen=True, slots=True)
class Drops:
    """What a stream lost since the daemon started: frames before inference, masks before they were sent."""

    capture: int
    publish: int


@dataclass(frozen=True, slots=True)
class MaskHeader:
    """A label map, and the frame it belongs to.

    Attributes:
        stream: Name of the stream.
        epoch: Changes when the daemon (re)starts.
        seq: Counts masks of the stream within an epoch; a gap is a loss.
        frame_seq: Counts captured frames of the stream.
        time: When it was captured and published.
        frame_wh: Size of the source's picture, pixels.
        mask: How to read the body.
        present: Ids of the classes in the map, ascending.
        fraction: Share of the pixels of each of them, 0…1.
        confidence: Mean confidence, 0…1; None where the model gives none.
        model: Hash of the model package, `sha256:…`.
        mode: What steadied it.
        reset: The memory was let go before this frame.
        drops: What the stream lost so far.
        ms: Milliseconds by stage.
        ignore: The label that means "no class".
    """

    kind: ClassVar[Kind] = Kind.MASK
    max_bytes: ClassVar[int] = HEADER_BYTES

    stream: str
    epoch: str
    seq: int
    frame_seq: int
    time: FrameTimes
    frame_wh: tuple[int, int]
    mask: MaskLayout
    present: tuple[int, ...]
    fraction: tuple[float, ...]
    confidence: float | None
    model: str
    mode: str
    reset: bool
    drops: Drops
    ms: Mapping[str, float] = field(default_factory=dict)
    ignore: int = IGNORE

    @property
    def json(self) -> dict[str, Any]:
        """As on the wire, keys in their order."""
        return {
            **identity(self.stream, self.epoch, self.seq),
            "frame_seq": self.frame_seq,
            "time": self.time.json,
            "frame": {"w": self.frame_wh[0], "h": self.frame_wh[1]},
            "mask": self.mask.json,
            "present": list(self.present),
            "fraction": list(self.fraction),
            "confidence": self.confidence,
            "ignore": self.ignore,
            "model": self.model,
            "temporal": {"mode": self.mode, "reset": self.reset},
            "drops": {"capture": self.drops.capture, "publish": self.drops.publish},
            "ms": dict(self.ms),
        }

    @classmethod
    def read(cls, fields: JsonReader) -> Self:
        """The reverse of `json`."""
        present = fields.wholes("present", CLASSES, CLASSES - 1)
        fraction = fields.numbers("fraction", CLASSES)
        if len(present) != len(fraction):
            raise WireError(f"{len(present)} classes present with {len(fraction)} fractions")
        frame, temporal, drops = fields.part("frame"), fields.part("temporal"), fields.part("drops")
        return cls(
            stream=fields.text("stream"),
            epoch=fields.word("epoch"),
            seq=fields.whole("seq"),
            frame_seq=fields.whole("frame_seq"),
            time=FrameTimes.read(fields.part("time")),
            frame_wh=(frame.whole("w", 1), frame.whole("h", 1)),
            mask=MaskLayout.read(fields.part("mask")),
            present=present,
            fraction=fraction,
            confidence=fields.number_or_none("confidence"),
            model=fields.text("model"),
            mode=temporal.text("mode"),
            reset=temporal.flag("reset"),
            drops=Drops(drops.whole("capture"), drops.whole("publish")),
            ms=fields.named_numbers("ms"),
            ignore=fields.whole("ignore", 0, 255),
        )


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """The picture a mask was made from; `epoch` and `seq` are the mask's."""

    kind: ClassVar[Kind] = Kind.PICTURE
    max_bytes: ClassVar[int] = HEADER_BYTES

    stream: str
    epoch: str
    seq: int
    time: FrameTimes

    @property
    def json(self) -> dict[str, Any]:
        """As on the wire, keys in their order."""
        return {**identity(self.stream, self.epoch, self.seq), "time": self.time.json}

    @classmethod
    def read(cls, fields: JsonReader) -> Self:
        """The reverse of `json`."""
        return cls(
            fields.text("stream"),
            fields.word("epoch"),
            fields.whole("seq"),
            FrameTimes.read(fields.part("time")),
        )
