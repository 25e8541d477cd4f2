"""The headers of the messages without a picture in them: info, status and beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from streamseg.errors import WireError
from streamseg.types import ClassInfo, ModelInfo
from streamseg.wire.header import CLASSES, HEADER_BYTES, IGNORE, identity
from streamseg.wire.json_reader import JsonReader
from streamseg.wire.topics import VERSION, Kind

INFO_BYTES = 65536  # a list of 256 named classes does not fit the 4 KiB of the others


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
    def read(cls, fields: JsonReader) -> Self:
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
        return cls(fields.text("stream"), fields.word("epoch"), info, fields.whole("ignore", 0, 255))


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
    def read(cls, fields: JsonReader) -> Self:
        """The reverse of `json`."""
        return cls(
            stream=fields.text("stream"),
            epoch=fields.word("epoch"),
            state=fields.text("state"),
            since=fields.number("since"),
            reason=fields.text("reason", ""),
            message=fields.text("message", ""),
            retry_in_s=fields.number_or_none("retry_in_s"),
            fps=fields.number_or_none("fps"),
        )


@dataclass(frozen=True, slots=True)
class HeartbeatHeader:
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
        return {**identity(self.stream, self.epoch, self.seq), "time": self.time}

    @classmethod
    def read(cls, fields: JsonReader) -> Self:
        """The reverse of `json`."""
        return cls(
            fields.text("stream"), fields.word("epoch"), fields.whole_or_none("seq"), fields.number("time")
        )


def _read_class(fields: JsonReader) -> ClassInfo:
    color = fields.wholes("color", 3, 255)
    if len(color) != 3:
        raise WireError(f"a class has a colour of {len(color)} numbers; 3 are wanted")
    return ClassInfo(fields.whole("id", 0, 255), fields.text("name"), color)
