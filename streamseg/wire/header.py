"""Headers: the second part of every message, as frozen data and as JSON.

Words from lists that may grow (`clock`, `encoding`, `mode`, `state`, `reason`) are read as text, so that a
subscriber of today still reads tomorrow's messages. Unknown keys are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, TypeAlias

from streamseg.errors import WireError
from streamseg.types import ClassInfo, ModelInfo
from streamseg.wire.codecs import MAX_PIXELS
from streamseg.wire.fields import Fields, dump_object, load_object
from streamseg.wire.topics import VERSION, Kind

HEADER_BYTES = 4096
INFO_BYTES = 65536  # a list of 256 named classes does not fit 4 KiB
IGNORE = 255
CLASSES = 256

Affine: TypeAlias = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Times:
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
    def read(cls, fields: Fields) -> Self:
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
    def read(cls, fields: Fields) -> Self:
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
    time: Times
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
            **_identity(self.stream, self.epoch, self.seq),
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
    def read(cls, fields: Fields) -> Self:
        """The reverse of `json`."""
        present = fields.wholes("present", CLASSES, CLASSES - 1)
        fraction = fields.numbers("fraction", CLASSES)
        if len(present) != len(fraction):
            raise WireError(f"{len(present)} classes present with {len(fraction)} fractions")
        frame, temporal, drops = fields.part("frame"), fields.part("temporal"), fields.part("drops")
        return cls(
            stream=fields.text("stream"),
            epoch=fields.text("epoch"),
            seq=fields.whole("seq"),
            frame_seq=fields.whole("frame_seq"),
            time=Times.read(fields.part("time")),
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
    time: Times

    @property
    def json(self) -> dict[str, Any]:
        """As on the wire, keys in their order."""
        return {**_identity(self.stream, self.epoch, self.seq), "time": self.time.json}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """The reverse of `json`."""
        return cls(
            fields.text("stream"), fields.text("epoch"), fields.whole("seq"), Times.read(fields.part("time"))
        )


@dataclass(frozen=True, slots=True)
class InfoHeader:
    """What a subscriber must know to draw and to trust the masks of a stream."""

    kind: ClassVar[Kind] = Kind.INFO
    max_bytes: ClassVar[int] = INFO_BYTES

    stream: str
    epoch: str
    model: ModelInfo
    ignore: int = IGNORE

    @property
    def json(self) -> dict[str, Any]:
        """As on the wire, keys in their order."""
        names = ("name", "version", "sha256", "license", "backend", "precision")
        return {
            "v": VERSION,
            "stream": self.stream,
            "epoch": self.epoch,
            "schema": VERSION,
            "model": {name: getattr(self.model, name) for name in names},
            "mask": {"w": self.model.mask_wh[0], "h": self.model.mask_wh[1]},
            "ignore": self.ignore,
            "classes": [{"id": c.id, "name": c.name, "color": list(c.color)} for c in self.model.classes],
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """The reverse of `json`."""
        model, mask = fields.part("model"), fields.part("mask")
        info = ModelInfo(
            name=model.text("name"),
            version=model.text("version"),
            sha256=model.text("sha256"),
            license=model.text("license"),
            classes=tuple(_read_class(item) for item in fields.parts("classes", CLASSES)),
            backend=model.text("backend"),
            precision=model.text("precision"),
            mask_wh=(mask.whole("w", 1), mask.whole("h", 1)),
        )
        return cls(fields.text("stream"), fields.text("epoch"), info, fields.whole("ignore", 0, 255))


@dataclass(frozen=True, slots=True)
class StatusHeader:
    """A stream entered a state.

    Attributes:
        stream: Name of the stream.
        epoch: Changes when the daemon (re)starts.
        state: running, connecting, stalled, backoff, ended or failed.
        reason: A word, or empty.
        message: One line for a person, or empty.
        since: When, seconds since 1970.
        retry_in_s: Seconds until the next attempt, where one is planned.
        fps: Masks a second lately, where known.
    """

    kind: ClassVar[Kind] = Kind.STATUS
    max_bytes: ClassVar[int] = HEADER_BYTES

    stream: str
    epoch: str
    state: str
    since: float
    reason: str = ""
    message: str = ""
    retry_in_s: float | None = None
    fps: float | None = None

    @property
    def json(self) -> dict[str, Any]:
        """As on the wire, keys in their order."""
        names = ("stream", "epoch", "state", "reason", "message", "since", "retry_in_s", "fps")
        return {"v": VERSION} | {name: getattr(self, name) for name in names}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """The reverse of `json`."""
        return cls(
            stream=fields.text("stream"),
            epoch=fields.text("epoch"),
            state=fields.text("state"),
            since=fields.number("since"),
            reason=fields.text("reason", ""),
            message=fields.text("message", ""),
            retry_in_s=fields.number_or_none("retry_in_s"),
            fps=fields.number_or_none("fps"),
        )


@dataclass(frozen=True, slots=True)
class BeatHeader:
    """Still here; `seq` is that of the newest mask, None before the first; `time` in seconds since 1970."""

    kind: ClassVar[Kind] = Kind.BEAT
    max_bytes: ClassVar[int] = HEADER_BYTES

    stream: str
    epoch: str
    seq: int | None
    time: float

    @property
    def json(self) -> dict[str, Any]:
        """As on the wire, keys in their order."""
        return {**_identity(self.stream, self.epoch, self.seq), "time": self.time}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """The reverse of `json`."""
        return cls(
            fields.text("stream"), fields.text("epoch"), fields.whole_or_none("seq"), fields.number("time")
        )


Header: TypeAlias = MaskHeader | InfoHeader | StatusHeader | BeatHeader | PictureHeader
_HEADERS: dict[Kind, type[Header]] = {
    header.kind: header for header in (MaskHeader, InfoHeader, StatusHeader, BeatHeader, PictureHeader)
}


def dump_header(header: Header) -> bytes:
    """The header as JSON in UTF-8.

    Raises:
        WireError: It is too long, or holds a number that is not finite.
    """
    return dump_object(header.json, header.max_bytes)


def load_header(kind: Kind, raw: bytes) -> Header:
    """The reverse of `dump_header`.

    Raises:
        WireError: It is too long, not JSON, of another version, or a value is missing or out of bounds.
    """
    fields = load_object(raw, _HEADERS[kind].max_bytes)
    if (version := fields.whole("v")) != VERSION:
        raise WireError(f"a message of version {version}; this end knows version {VERSION}")
    return _HEADERS[kind].read(fields)


def _identity(stream: str, epoch: str, seq: int | None) -> dict[str, Any]:
    return {"v": VERSION, "stream": stream, "epoch": epoch, "seq": seq}


def _read_class(fields: Fields) -> ClassInfo:
    color = fields.wholes("color", 3, 255)
    if len(color) != 3:
        raise WireError(f"a class has a colour of {len(color)} numbers; 3 are wanted")
    return ClassInfo(fields.whole("id", 0, 255), fields.text("name"), color)
