"""FFmpeg's errors as `SourceError`: a reason from a closed list and one line for a person.

FFmpeg's own texts hold the URL with the password in it, so none of them is passed on but `strerror`.
"""

from __future__ import annotations

import errno
from enum import Enum

import av.error

from streamseg.capture.source import FFmpegInput, SourceKind
from streamseg.errors import SourceError, SourceFault


class Operation(Enum):
    """What was under way when it failed."""

    OPEN = "open"
    READ = "read"


_UNREACHABLE = {
    errno.EHOSTUNREACH: "no way to that host; is it on, and on this network?",
    errno.ENETUNREACH: "no way to that network; is this machine's network up?",
    errno.ENETDOWN: "this machine's network is down",
    errno.EADDRNOTAVAIL: "not an address this machine can reach",
    errno.ENODEV: "no such device; is the camera plugged in?",
    errno.ENXIO: "no such device; is the camera plugged in?",
    errno.EBUSY: "the device is in use by another program",
}
_UNRESOLVED = (SourceFault.UNREACHABLE, "cannot be reached; does the host's name resolve?")
_BROKEN_OFF = (SourceFault.EOF, "the connection was lost")
_LOST = (errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE)
_WRONG = (
    av.error.PermissionError,
    av.error.FileNotFoundError,
    av.error.LookupError,
    av.error.ArgumentError,
    av.error.PatchWelcomeError,
    av.error.ExperimentalError,
    av.error.IsADirectoryError,
    av.error.NotImplementedError,
)


def as_source_error(
    error: av.error.FFmpegError, source: FFmpegInput, phase: Operation, limit_s: float | None = None
) -> SourceError:
    """Translate what FFmpeg raised.

    Args:
        error: What was raised.
        source: The source it was raised for.
        phase: Whether it was being opened or read.
        limit_s: The time limit, in seconds, if it had run out by then. What FFmpeg raises when it does
            depends on where it was: the RTSP client, for one, calls an answer cut short invalid data.
    """
    fault, text = _explain(error, source, phase) if limit_s is None else _silence(phase, limit_s)
    return SourceError(fault, f"{source.label}: {text}")


def _explain(error: av.error.FFmpegError, source: FFmpegInput, phase: Operation) -> tuple[SourceFault, str]:
    match error:
        case av.error.HTTPError() | av.error.HTTPClientError():
            return _refusal(error)
        case av.error.TimeoutError():  # the kernel's
            return SourceFault.TIMEOUT, "no answer; is the host on and the port right?"
        case av.error.InvalidDataError():
            return _not_a_video(source, phase)
        case _ if phase is Operation.OPEN and isinstance(error, _WRONG):
            return _wrong(error, source)
    return _lost(error, source, phase)


def _wrong(error: av.error.FFmpegError, source: FFmpegInput) -> tuple[SourceFault, str]:
    """What is asked for is not there, not ours to read, or nothing FFmpeg knows."""
    if isinstance(error, av.error.PermissionError):
        return SourceFault.AUTH, "permission denied; let the daemon's user read it"
    if isinstance(error, av.error.FileNotFoundError):
        return SourceFault.NOT_FOUND, "there is no such " + (
            "device" if source.kind is SourceKind.V4L2 else "file"
        )
    return SourceFault.UNSUPPORTED, f"FFmpeg cannot read this ({error.strerror})"


def _refusal(error: av.error.FFmpegError) -> tuple[SourceFault, str]:
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return SourceFault.AUTH, "user name or password refused (401); check both in the source's url"
    if isinstance(error, av.error.HTTPForbiddenError):
        return SourceFault.AUTH, "access refused (403); may this user see this stream?"
    if isinstance(error, av.error.HTTPNotFoundError):
        return SourceFault.NOT_FOUND, "the server has no such stream (404); check the url's path"
    return SourceFault.REFUSED, f"the server refused ({error.strerror})"


def _silence(phase: Operation, limit_s: float) -> tuple[SourceFault, str]:
    if phase is Operation.OPEN:
        return SourceFault.TIMEOUT, f"no answer within {limit_s:g} s; is the host on and the port right?"
    return SourceFault.STALLED, f"no data for {limit_s:g} s"


def _not_a_video(source: FFmpegInput, phase: Operation) -> tuple[SourceFault, str]:
    if phase is Operation.READ:
        return SourceFault.DECODE, "the data broke off or is damaged"
    if source.live:
        return SourceFault.DECODE, "what came is not a video stream"
    return SourceFault.UNSUPPORTED, "not a video file, or a damaged one"


def _lost(error: av.error.FFmpegError, source: FFmpegInput, phase: Operation) -> tuple[SourceFault, str]:
    if isinstance(error, av.error.ConnectionRefusedError):
        return SourceFault.REFUSED, "connection refused; is the server running on that port?"
    if isinstance(error, av.error.EOFError):
        return (
            SourceFault.EOF,
            "the connection was closed" if source.live else "it ends before any video",
        )
    if error.errno in _LOST:
        return _BROKEN_OFF
    if error.errno in _UNREACHABLE:
        return SourceFault.UNREACHABLE, _UNREACHABLE[error.errno]
    if error.errno == errno.EIO and source.live:  # a failed name look-up, or HTTP that breaks off
        return _UNRESOLVED if phase is Operation.OPEN else _BROKEN_OFF
    return SourceFault.DECODE, f"it failed ({error.strerror})"
