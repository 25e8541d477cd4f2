"""Headers of the kinds without a picture in them: info, status and beat; and the header of `pic/1`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from streamseg.errors import WireError
from streamseg.types import ClassInfo, ModelInfo, StateChange, StreamState
from streamseg.wire.fields import MAX_HEADER_BYTES, Fields, dump
from streamseg.wire.header import check_version, read_size, read_stream
from streamseg.wire.topics import VERSION, Kind

IGNORE = 255
MAX_INFO_BODY_BYTES = 2**16
_MAX_MESSAGE_CHARS = 500  # of a status: one line for a person
HASH_PREFIX = "sha256:"


@dataclass(frozen=True, slots=True)
class InfoHeader:
    """The header of kind `info`: what a subscriber must know to draw and to trust the masks."""

    kind: ClassVar[Kind] = Kind.INFO

    stream: str
    epoch: str
    model: ModelInfo

    def as_dict(self) -> dict[str, object]:
        """Return the header as it goes into JSON, the classes in it."""
        model, (width, height) = self.model, self.model.mask_wh
        return {
            "v": VERSION,
            "stream": self.stream,
            "epoch": self.epoch,
            "model": {
                "name": model.name,
                "version": model.version,
                "hash": HASH_PREFIX + model.sha256,
                "license": model.license,
            },
            "backend": model.backend,
            "precision": model.precision,
            "mask": {"w": width, "h": height},
            "ignore": IGNORE,
            "classes": [{"id": c.id, "name": c.name, "color": list(c.color)} for c in model.classes],
        }

    def encode(self) -> tuple[bytes, bytes]:
        """Return header and body; the body is empty unless the classes do not fit into the header.

        Raises:
            WireError: Too long even so.
        """
        data = self.as_dict()
        try:
            return dump(data, Kind.INFO), b""
        except WireError:
            classes = data.pop("classes")
        return dump(data, Kind.INFO), dump({"classes": classes}, Kind.INFO, MAX_INFO_BODY_BYTES)


@dataclass(frozen=True, slots=True)
class StatusHeader:
    """The header of kind `status`; `fps` counts masks made a second, None where not known."""

    kind: ClassVar[Kind] = Kind.STATUS

    epoch: str
    change: StateChange
    fps: float | None = None

    @property
    def stream(self) -> str:
        """Name of the stream."""
        return self.change.stream

    def as_dict(self) -> dict[str, object]:
        """Return the header as it goes into JSON."""
        change = self.change
        return {
            "v": VERSION,
            "stream": change.stream,
            "epoch": self.epoch,
            "state": change.state,
            "reason": change.reason,
            "message": change.message[:_MAX_MESSAGE_CHARS],
            "since": change.since_unix_s,
            "retry_in_s": change.retry_in_s,
            "fps": self.fps,
        }


@dataclass(frozen=True, slots=True)
class BeatHeader:
    """The header of kind `beat`: the stream's newest `seq`, None before its first mask."""

    kind: ClassVar[Kind] = Kind.BEAT

    stream: str
    epoch: str
    seq: int | None
    publish_unix_s: float

    def as_dict(self) -> dict[str, object]:
        """Return the header as it goes into JSON."""
        time = {"publish": self.publish_unix_s}
        return {"v": VERSION, "stream": self.stream, "epoch": self.epoch, "seq": self.seq, "time": time}


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """The header of `pic/1`: epoch and seq are those of the mask made from the picture in the body (JPEG)."""

    stream: str
    epoch: str
    seq: int
    capture_unix_s: float

    def as_dict(self) -> dict[str, object]:
        """Return the header as it goes into JSON."""
        time = {"capture": self.capture_unix_s}
        return {"v": VERSION, "stream": self.stream, "epoch": self.epoch, "seq": self.seq, "time": time}


def read_info(fields: Fields, body: bytes) -> InfoHeader:
    """Read an info; the classes are in the body where the header has none.

    Raises:
        WireError: A field is missing or malformed.
    """
    check_version(fields)
    model = fields.section("model")
    source = fields if "classes" in fields else Fields.parse(body, "info body", MAX_INFO_BODY_BYTES)
    info = ModelInfo(
        name=model.text("name"),
        version=model.text("version"),
        sha256=model.text("hash").removeprefix(HASH_PREFIX),
        license=model.text("license"),
        classes=tuple(_read_class(entry) for entry in source.sections("classes")),
        backend=fields.text("backend"),
        precision=fields.text("precision"),
        mask_wh=read_size(fields.section("mask")),
    )
    return InfoHeader(read_stream(fields), fields.text("epoch"), info)


def _read_class(fields: Fields) -> ClassInfo:
    color = fields.integers("color", 0, 255)
    if len(color) != 3:
        raise fields.fail("color", "three integers: red, green, blue")
    return ClassInfo(fields.integer("id", 0, 255), fields.text("name"), color)


def read_status(fields: Fields) -> StatusHeader:
    """Read a status.

    Raises:
        WireError: A field is missing or malformed, or the state is one this end does not know.
    """
    check_version(fields)
    state = fields.text("state")
    if state not in set(StreamState):
        raise fields.fail("state", "one of " + ", ".join(StreamState))
    change = StateChange(
        stream=read_stream(fields),
        state=StreamState(state),
        since_unix_s=fields.number("since"),
        reason=fields.text("reason", ""),
        message=fields.text("message", ""),
        retry_in_s=fields.optional_number("retry_in_s"),
    )
    return StatusHeader(fields.text("epoch"), change, fields.optional_number("fps"))


def read_beat(fields: Fields) -> BeatHeader:
    """Read a beat.

    Raises:
        WireError: A field is missing or malformed.
    """
    check_version(fields)
    seq = fields.integer("seq") if "seq" in fields else None
    publish = fields.section("time").number("publish")
    return BeatHeader(read_stream(fields), fields.text("epoch"), seq, publish)


def read_picture_header(raw: bytes) -> PictureHeader:
    """Read the header of a `pic/1` message.

    Raises:
        WireError: A field is missing or malformed.
    """
    fields = Fields.parse(raw, "picture", MAX_HEADER_BYTES)
    check_version(fields)
    capture = fields.section("time").number("capture")
    return PictureHeader(read_stream(fields), fields.text("epoch"), fields.integer("seq"), capture)
