"""What a source's URL means: its kind, what FFmpeg is told to open, and how its frames are handed on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault
from streamseg.flow.mailbox import Overflow
from streamseg.redact import redact_url

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)(?=://)|^(?i:file|lavfi)(?=:)")
_NONBLOCK = "+4"  # AVFMT_FLAG_NONBLOCK, which has no name among the options
_VIDEO_DEVICE = re.compile(r"^/dev/video\d+$")


class Kind(StrEnum):
    """The kinds of source."""

    FILE = "file"
    RTSP = "rtsp"
    HTTP = "http"
    V4L2 = "v4l2"
    LAVFI = "lavfi"


_BY_SCHEME = {
    "file": Kind.FILE,
    "rtsp": Kind.RTSP,
    "rtsps": Kind.RTSP,
    "http": Kind.HTTP,
    "https": Kind.HTTP,
    "lavfi": Kind.LAVFI,
}


@dataclass(frozen=True, slots=True)
class Input:
    """What FFmpeg is told.

    Attributes:
        kind: The kind of source.
        url: What to open; with credentials, so never for a text.
        label: The same for people, redacted.
        format: FFmpeg's demuxer; None lets it look.
        options: Options of demuxer and protocol.
    """

    kind: Kind
    url: str
    label: str
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether it plays on without us: its end is a disconnect, and a failure to open may pass."""
        return self.kind not in {Kind.FILE, Kind.LAVFI}


def kind_of(url: str) -> Kind:
    """Tell the kind of source from its URL, or path.

    Raises:
        SourceError: A scheme that is not supported (`unsupported`).
    """
    if _VIDEO_DEVICE.match(url):
        return Kind.V4L2
    scheme = _SCHEME.match(url)
    if scheme is None:
        return Kind.FILE
    kind = _BY_SCHEME.get(scheme[0].lower())
    if kind is None:
        known = "a file, /dev/videoN, rtsp://, rtsps://, http://, https:// or lavfi:"
        raise SourceError(SourceFault.UNSUPPORTED, f"{redact_url(url)}: not a kind of source; use {known}")
    return kind


def describe(source: SourceConfig) -> Input:
    """Return what FFmpeg is to open for `source`.

    Raises:
        SourceError: A scheme that is not supported (`unsupported`).
    """
    kind, url, label = kind_of(source.url), source.location, redact_url(source.url)
    match kind:
        case Kind.FILE:
            path = unquote(urlsplit(url).path) if url.lower().startswith("file:") else url
            return Input(
                kind, f"file:{path}", label
            )  # else FFmpeg takes what is before a colon for a protocol
        case Kind.LAVFI:
            return Input(kind, url.partition(":")[2], label, "lavfi")
        case Kind.V4L2:
            # The driver's wait for a frame listens to no time limit: a hung camera would hold us for good.
            return Input(kind, url, label, "v4l2", {"fflags": _NONBLOCK})
        case Kind.RTSP:
            return Input(kind, url, label, "rtsp", _rtsp_options(source.transport))
        case Kind.HTTP:
            return Input(kind, url, label)


def overflow_for(source: SourceConfig) -> Overflow:
    """Return how a full mailbox treats this source's frames.

    Whatever has a clock, a camera's or the pace's, drops the oldest; a file read as fast as possible waits.
    """
    unpaced = not source.pace and kind_of(source.url) in {Kind.FILE, Kind.LAVFI}
    return Overflow.BLOCK if unpaced else Overflow.DROP_OLDEST


def _rtsp_options(transport: str) -> dict[str, str]:
    """The SDP says what there is; looking into the stream for it costs a second, and frames grow old."""
    return {
        "rtsp_transport": transport,
        "allowed_media_types": "video",
        "analyzeduration": "1",  # microseconds; 0 means FFmpeg's default of seconds
        "fpsprobesize": "0",
    }
