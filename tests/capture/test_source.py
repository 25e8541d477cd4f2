"""What a URL means."""

from __future__ import annotations

import pytest

from streamseg.capture.source import Kind, describe, kind_of, overflow_for
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault
from streamseg.flow.mailbox import Overflow


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("clip.mp4", Kind.FILE),
        ("/videos/a: b.mp4", Kind.FILE),
        ("gate:2026.mp4", Kind.FILE),
        ("file:///videos/clip.mp4", Kind.FILE),
        ("rtsp://cam/x", Kind.RTSP),
        ("RTSPS://cam/x", Kind.RTSP),
        ("http://cam/x.mjpg", Kind.HTTP),
        ("https://cam/x.m3u8", Kind.HTTP),
        ("/dev/video0", Kind.V4L2),
        ("/dev/video12", Kind.V4L2),
        ("lavfi:testsrc2", Kind.LAVFI),
    ],
)
def test_kinds(url: str, kind: Kind) -> None:
    assert kind_of(url) is kind


def test_an_unknown_scheme_says_what_is_known_and_no_password() -> None:
    with pytest.raises(SourceError, match=r"ftp://\*\*\*@host/x: not a kind of source; use a file") as caught:
        kind_of("ftp://me:secret@host/x")
    assert caught.value.reason is SourceFault.UNSUPPORTED


def test_what_ffmpeg_is_told() -> None:
    assert describe(SourceConfig(url="file:///a%20b.mp4")).url == "file:/a b.mp4"
    assert describe(SourceConfig(url="file:a.mp4")).url == "file:a.mp4"
    lavfi = describe(SourceConfig(url="lavfi:testsrc2=size=64x48:rate=25"))
    assert (lavfi.url, lavfi.format, lavfi.live) == ("testsrc2=size=64x48:rate=25", "lavfi", False)
    camera = describe(SourceConfig(url="/dev/video0"))
    assert (camera.url, camera.format, camera.live) == ("/dev/video0", "v4l2", True)
    rtsp = describe(SourceConfig(url="rtsp://u:p@cam/x", transport="udp"))
    assert (rtsp.url, rtsp.label, rtsp.live) == ("rtsp://u:p@cam/x", "rtsp://***@cam/x", True)
    assert rtsp.options["rtsp_transport"] == "udp"
    assert describe(SourceConfig(url="http://cam/x")).live
    secret = describe(SourceConfig(url="rtsp://u@cam/x", password="a/b"))  # noqa: S106  # it is the test
    assert (secret.url, secret.label) == ("rtsp://u:a%2Fb@cam/x", "rtsp://***@cam/x")


@pytest.mark.parametrize(
    ("url", "pace", "overflow"),
    [
        ("clip.mp4", True, Overflow.DROP_OLDEST),
        ("clip.mp4", False, Overflow.BLOCK),
        ("lavfi:testsrc2", False, Overflow.BLOCK),
        ("rtsp://cam/x", False, Overflow.DROP_OLDEST),
        ("/dev/video0", False, Overflow.DROP_OLDEST),
    ],
)
def test_only_unpaced_files_wait(url: str, pace: bool, overflow: Overflow) -> None:
    assert overflow_for(SourceConfig(url=url, pace=pace)) is overflow
