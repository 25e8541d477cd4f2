"""What a source's URL means: its kind, what FFmpeg is told to open, and how its frames are handed on."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from streamseg.concurrency.mailbox import Overflow
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault
from streamseg.redact import redact_url

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)(?=://)|^(?i:file|lavfi)(?=:)")
_END_OF_AUTHORITY = re.compile(r"[/?#]")
_NONBLOCK = "+4"  # AVFMT_FLAG_NONBLOCK, which has no name among the options
_IMAGE_SEQUENCE = re.compile(r"%\d*d")  # as FFmpeg's image2 takes it: frames/%04d.png
_VIDEO_DEVICE = re.compile(r"^/dev/video\d+$")


class SourceKind(StrEnum):
    """The kinds of source."""

    FILE = "file"
    RTSP = "rtsp"
    HTTP = "http"
    V4L2 = "v4l2"
    LAVFI = "lavfi"


_BY_SCHEME = {
    "file": SourceKind.FILE,
    "rtsp": SourceKind.RTSP,
    "rtsps": SourceKind.RTSP,
    "http": SourceKind.HTTP,
    "https": SourceKind.HTTP,
    "lavfi": SourceKind.LAVFI,
}


@dataclass(frozen=True, slots=True)
class FFmpegInput:
    """What FFmpeg is told.

    Attributes:
        kind: The kind of source.
        url: What to open; with credentials, so never for a text.
        label: The same for people, redacted.
        format: FFmpeg's demuxer; None lets it look.
        options: Options of demuxer and protocol.
    """

    kind: SourceKind
    url: str
    label: str
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether it plays on without us: its end is a disconnect, and a failure to open may pass."""
        return self.kind not in {SourceKind.FILE, SourceKind.LAVFI}


def kind_of(url: str) -> SourceKind:
    """Tell the kind of source from its URL, or path.

    Raises:
        SourceError: A scheme that is not supported (`unsupported`).
    """
    if _VIDEO_DEVICE.match(url):
        return SourceKind.V4L2
    if url.isdecimal():
        text = f"{url}: not a kind of source; a camera is /dev/video{url}, a file of that name ./{url}"
        raise SourceError(SourceFault.UNSUPPORTED, text)
    scheme = _SCHEME.match(url)
    if scheme is None:
        return SourceKind.FILE
    kind = _BY_SCHEME.get(scheme[0].lower())
    if kind is None:
        known = "a file, /dev/videoN, rtsp://, rtsps://, http://, https:// or lavfi:"
        raise SourceError(SourceFault.UNSUPPORTED, f"{redact_url(url)}: not a kind of source; use {known}")
    return kind


def describe(source: SourceConfig) -> FFmpegInput:
    """Return what FFmpeg is to open for `source`.

    Raises:
        SourceError: A scheme that is not supported, or a URL without a host (`unsupported`).
    """
    kind, url, label = kind_of(source.url), source.location, redact_url(source.url)
    if kind in {SourceKind.RTSP, SourceKind.HTTP}:
        _check_host(source.url, label)
    match kind:
        case SourceKind.FILE:
            path = unquote(urlsplit(url).path) if url.lower().startswith("file:") else url
            return FFmpegInput(
                kind, f"file:{path}", label
            )  # else FFmpeg takes what is before a colon for a protocol
        case SourceKind.LAVFI:
            return FFmpegInput(kind, url.partition(":")[2], label, "lavfi")
        case SourceKind.V4L2:
            # The driver's wait for a frame listens to no time limit: a hung camera would hold us for good.
            return FFmpegInput(kind, url, label, "v4l2", {"fflags": _NONBLOCK})
        case SourceKind.RTSP:
            return FFmpegInput(kind, url, label, "rtsp", _rtsp_options(source.transport))
        case SourceKind.HTTP:
            return FFmpegInput(kind, url, label)


def check_file(source: SourceConfig) -> None:
    """Look whether the file of a source is there and can be read; all other sources pass.

    Raises:
        SourceError: It is missing (`not_found`), not ours to read (`auth`), or a folder (`unsupported`).
    """
    opened = describe(source)
    if opened.kind is not SourceKind.FILE:
        return
    path = Path(opened.url.removeprefix("file:"))
    many = _IMAGE_SEQUENCE.search(path.name) is not None
    path = path.parent if many else path
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError) as error:  # ValueError: a name that holds a NUL
        raise _no_file(opened.label, path, error) from None
    if is_folder and not many:
        raise SourceError(SourceFault.UNSUPPORTED, f"{opened.label}: is a folder; name a video file in it")
    if not os.access(path, os.R_OK):
        text = f"{opened.label}: permission denied; let the daemon's user read it"
        raise SourceError(SourceFault.AUTH, text)


def _no_file(label: str, path: Path, error: OSError | ValueError) -> SourceError:
    if isinstance(error, PermissionError):
        text = f"{label}: permission denied; let the daemon's user read it"
        return SourceError(SourceFault.AUTH, text)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        text = f"{label}: there is no such file{where}; check the path, or whether its disk is mounted"
        return SourceError(SourceFault.NOT_FOUND, text)
    text = f"{label}: cannot be opened: {getattr(error, 'strerror', None) or error}"
    return SourceError(SourceFault.UNSUPPORTED, text)


def _check_host(url: str, label: str) -> None:
    """Raises SourceError where a URL, taken apart as FFmpeg does, names no host or no possible port."""
    scheme, _, rest = url.partition("://")
    authority = _END_OF_AUTHORITY.split(rest)[0]
    try:
        parts = urlsplit(f"{scheme}://{authority.rpartition('@')[2]}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        text = f"{label}: no valid host and port; escape / ? # in a password, or give it as `password`"
        raise SourceError(SourceFault.UNSUPPORTED, text) from None
    if not host:
        text = f"{label}: names no host, as {scheme}://192.168.0.20/stream1 does"
        raise SourceError(SourceFault.UNSUPPORTED, text)


def overflow_for(source: SourceConfig) -> Overflow:
    """Return how a full mailbox treats this source's frames.

    Whatever has a clock, a camera's or the pace's, drops the oldest; a file read as fast as possible waits.
    """
    unpaced = not source.pace and kind_of(source.url) in {SourceKind.FILE, SourceKind.LAVFI}
    return Overflow.BLOCK if unpaced else Overflow.DROP_OLDEST


def _rtsp_options(transport: str) -> dict[str, str]:
    """The SDP says what there is; looking into the stream for it costs a second, and frames grow old."""
    return {
        "rtsp_transport": transport,
        "allowed_media_types": "video",
        "analyzeduration": "1",  # microseconds; 0 means FFmpeg's default of seconds
        "fpsprobesize": "0",
    }
