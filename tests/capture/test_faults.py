"""FFmpeg's errors become one line for a person with a reason from the list, and no credentials."""

from __future__ import annotations

import errno

import av.error
import pytest

from streamseg.capture.faults import Phase, as_source_error
from streamseg.capture.source import Input, describe
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
        (code("HTTP_UNAUTHORIZED"), RTSP, Phase.OPEN, SourceFault.AUTH),
        (code("HTTP_FORBIDDEN"), RTSP, Phase.OPEN, SourceFault.AUTH),
        (code("HTTP_NOT_FOUND"), RTSP, Phase.OPEN, SourceFault.NOT_FOUND),
        (code("HTTP_SERVER_ERROR"), RTSP, Phase.OPEN, SourceFault.REFUSED),
        (code("HTTP_OTHER_4XX"), RTSP, Phase.OPEN, SourceFault.REFUSED),
        (errno.ECONNREFUSED, RTSP, Phase.OPEN, SourceFault.REFUSED),
        (errno.ETIMEDOUT, RTSP, Phase.OPEN, SourceFault.TIMEOUT),
        (errno.EHOSTUNREACH, RTSP, Phase.OPEN, SourceFault.UNREACHABLE),
        (errno.ENETUNREACH, RTSP, Phase.OPEN, SourceFault.UNREACHABLE),
        (errno.EIO, RTSP, Phase.OPEN, SourceFault.UNREACHABLE),
        (errno.EIO, RTSP, Phase.READ, SourceFault.EOF),
        (errno.ECONNRESET, RTSP, Phase.READ, SourceFault.EOF),
        (code("EOF"), RTSP, Phase.OPEN, SourceFault.EOF),
        (code("INVALIDDATA"), RTSP, Phase.OPEN, SourceFault.DECODE),
        (code("INVALIDDATA"), RTSP, Phase.READ, SourceFault.DECODE),
        (code("INVALIDDATA"), FILE, Phase.OPEN, SourceFault.UNSUPPORTED),
        (code("DECODER_NOT_FOUND"), FILE, Phase.OPEN, SourceFault.UNSUPPORTED),
        (code("PROTOCOL_NOT_FOUND"), RTSP, Phase.OPEN, SourceFault.UNSUPPORTED),
        (errno.EINVAL, FILE, Phase.OPEN, SourceFault.UNSUPPORTED),
        (errno.EISDIR, FILE, Phase.OPEN, SourceFault.UNSUPPORTED),
        (errno.ENOENT, FILE, Phase.OPEN, SourceFault.NOT_FOUND),
        (errno.EACCES, FILE, Phase.OPEN, SourceFault.AUTH),
        (errno.ENOENT, DEVICE, Phase.OPEN, SourceFault.NOT_FOUND),
        (errno.EBUSY, DEVICE, Phase.OPEN, SourceFault.UNREACHABLE),
        (errno.ENODEV, DEVICE, Phase.READ, SourceFault.UNREACHABLE),
        (errno.ENOMEM, FILE, Phase.READ, SourceFault.DECODE),
    ],
)
def test_each_has_its_reason(number: int, source: Input, phase: Phase, fault: SourceFault) -> None:
    error = as_source_error(raised(number), source, phase)
    assert error.reason is fault
    assert str(error).startswith(f"{source.label}: ")
    assert "secret" not in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("number", [code("EXIT"), code("INVALIDDATA"), errno.EIO])
def test_whatever_it_raises_when_the_time_is_up_is_a_timeout(number: int) -> None:
    opening = as_source_error(raised(number), RTSP, Phase.OPEN, limit_s=5)
    assert (opening.reason, "no answer within 5 s" in str(opening)) == (SourceFault.TIMEOUT, True)
    reading = as_source_error(raised(number), RTSP, Phase.READ, limit_s=2.5)
    assert (reading.reason, "no data for 2.5 s" in str(reading)) == (SourceFault.STALLED, True)
