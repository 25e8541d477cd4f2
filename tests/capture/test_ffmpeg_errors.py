"""FFmpeg's errors become one line for a person with a reason from the list, and no credentials."""

from __future__ import annotations

import errno

import av.error
import pytest

from streamseg.capture.ffmpeg_errors import Operation, as_source_error
from streamseg.capture.source import FFmpegInput, describe
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceFault

RTSP = describe(SourceConfig(url="rtsp://admin:secret@10.0.0.7/h264"))
FILE = describe(SourceConfig(url="/videos/clip.mp4"))
DEVICE = describe(SourceConfig(url="/dev/video0"))


def raised(code: int) -> av.error.FFmpegError:
    """What PyAV raises for FFmpeg's error code, with the URL in its text."""
    with pytest.raises(av.error.FFmpegError) as caught:
        av.error.err_check(-code, RTSP.url)
    assert "secret" in str(caught.value)
    return caught.value


def code(name: str) -> int:
    return int(av.error.ErrorType[name].value)


@pytest.mark.parametrize(
    ("number", "source", "phase", "fault"),
    [
        (code("HTTP_UNAUTHORIZED"), RTSP, Operation.OPEN, SourceFault.AUTH),
        (code("HTTP_FORBIDDEN"), RTSP, Operation.OPEN, SourceFault.AUTH),
        (code("HTTP_NOT_FOUND"), RTSP, Operation.OPEN, SourceFault.NOT_FOUND),
        (code("HTTP_SERVER_ERROR"), RTSP, Operation.OPEN, SourceFault.REFUSED),
        (code("HTTP_OTHER_4XX"), RTSP, Operation.OPEN, SourceFault.REFUSED),
        (errno.ECONNREFUSED, RTSP, Operation.OPEN, SourceFault.REFUSED),
        (errno.ETIMEDOUT, RTSP, Operation.OPEN, SourceFault.TIMEOUT),
        (errno.EHOSTUNREACH, RTSP, Operation.OPEN, SourceFault.UNREACHABLE),
        (errno.ENETUNREACH, RTSP, Operation.OPEN, SourceFault.UNREACHABLE),
        (errno.EIO, RTSP, Operation.OPEN, SourceFault.UNREACHABLE),
        (errno.EIO, RTSP, Operation.READ, SourceFault.EOF),
        (errno.ECONNRESET, RTSP, Operation.READ, SourceFault.EOF),
        (code("EOF"), RTSP, Operation.OPEN, SourceFault.EOF),
        (code("INVALIDDATA"), RTSP, Operation.OPEN, SourceFault.DECODE),
        (code("INVALIDDATA"), RTSP, Operation.READ, SourceFault.DECODE),
        (code("INVALIDDATA"), FILE, Operation.OPEN, SourceFault.UNSUPPORTED),
        (code("DECODER_NOT_FOUND"), FILE, Operation.OPEN, SourceFault.UNSUPPORTED),
        (code("PROTOCOL_NOT_FOUND"), RTSP, Operation.OPEN, SourceFault.UNSUPPORTED),
        (errno.EINVAL, FILE, Operation.OPEN, SourceFault.UNSUPPORTED),
        (errno.EISDIR, FILE, Operation.OPEN, SourceFault.UNSUPPORTED),
        (errno.ENOENT, FILE, Operation.OPEN, SourceFault.NOT_FOUND),
        (errno.EACCES, FILE, Operation.OPEN, SourceFault.AUTH),
        (errno.ENOENT, DEVICE, Operation.OPEN, SourceFault.NOT_FOUND),
        (errno.EBUSY, DEVICE, Operation.OPEN, SourceFault.UNREACHABLE),
        (errno.ENODEV, DEVICE, Operation.READ, SourceFault.UNREACHABLE),
        (errno.ENOMEM, FILE, Operation.READ, SourceFault.DECODE),
    ],
)
def test_each_has_its_reason(number: int, source: FFmpegInput, phase: Operation, fault: SourceFault) -> None:
    error = as_source_error(raised(number), source, phase)
    assert error.reason is fault
    assert str(error).startswith(f"{source.label}: ")
    assert "secret" not in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("number", [code("EXIT"), code("INVALIDDATA"), errno.EIO])
def test_whatever_it_raises_when_the_time_is_up_is_a_timeout(number: int) -> None:
    opening = as_source_error(raised(number), RTSP, Operation.OPEN, limit_s=5)
    assert (opening.reason, "no answer within 5 s" in str(opening)) == (SourceFault.TIMEOUT, True)
    reading = as_source_error(raised(number), RTSP, Operation.READ, limit_s=2.5)
    assert (reading.reason, "no data for 2.5 s" in str(reading)) == (SourceFault.STALLED, True)
