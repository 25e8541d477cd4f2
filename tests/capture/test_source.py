"""What a URL means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamseg.capture.source import SourceKind, check_file, describe, kind_of, overflow_for
from streamseg.concurrency.mailbox import Overflow
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("clip.mp4", SourceKind.FILE),
        ("/videos/a: b.mp4", SourceKind.FILE),
        ("gate:2026.mp4", SourceKind.FILE),
        ("file:///videos/clip.mp4", SourceKind.FILE),
        ("rtsp://cam/x", SourceKind.RTSP),
        ("RTSPS://cam/x", SourceKind.RTSP),
        ("http://cam/x.mjpg", SourceKind.HTTP),
        ("https://cam/x.m3u8", SourceKind.HTTP),
        ("/dev/video0", SourceKind.V4L2),
        ("/dev/video12", SourceKind.V4L2),
        ("lavfi:testsrc2", SourceKind.LAVFI),
    ],
)
def test_kinds(url: str, kind: SourceKind) -> None:
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


@pytest.mark.parametrize("url", ["rtmp://h/x", "udp://239.0.0.1:1", "srt://h:1", "gopher://h", "0", "12"])
def test_what_is_no_kind_of_source(url: str) -> None:
    with pytest.raises(SourceError, match="not a kind of source") as caught:
        kind_of(url)
    assert caught.value.reason is SourceFault.UNSUPPORTED


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("rtsp://", "names no host"),
        ("rtsp:///stream1", "names no host"),
        ("http://u:p@/x", "names no host"),
        ("http://h:99999/x", "no valid host and port"),
        ("rtsp://u:a/b@h/x", "no valid host and port; escape"),
        ("rtsp://[::1/x", "no valid host and port"),
    ],
)
def test_a_url_without_a_host(url: str, said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        describe(SourceConfig(url=url))
    assert "a/b" not in str(caught.value)


@pytest.mark.parametrize("password", ["a[b", "a]b", "a b", "a@b", "a:b", "a%b", "a'b", 'a"b', "a<b"])
def test_whatever_ffmpeg_takes_in_a_password_is_taken(password: str) -> None:
    """It ends the host at the first / ? or #, and takes what is behind the last @ before that for it."""
    assert describe(SourceConfig(url=f"rtsp://u:{password}@127.0.0.1:554/x")).kind is SourceKind.RTSP


@pytest.mark.parametrize(
    "url", ["rtsp://[fe80::1%25eth0]:554/x", "http://h", "https://h:443/?a=b@c", "rtsps://u@h"]
)
def test_hosts_that_there_can_be(url: str) -> None:
    describe(SourceConfig(url=url))


@pytest.mark.parametrize(
    ("name", "reason", "said"),
    [
        ("none.mp4", SourceFault.NOT_FOUND, "there is no such file"),
        ("clip.mp4/x", SourceFault.NOT_FOUND, "there is no such file"),
        (".", SourceFault.UNSUPPORTED, "is a folder"),
        ("none/%03d.png", SourceFault.NOT_FOUND, "there is no such file"),
        ("a\0b", SourceFault.UNSUPPORTED, "cannot be opened"),
        ("x" * 300, SourceFault.UNSUPPORTED, "cannot be opened"),
    ],
)
def test_a_file_that_cannot_be_had(name: str, reason: SourceFault, said: str, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(SourceError, match=said) as caught:
        check_file(SourceConfig(url=f"{tmp_path}/{name}"))
    assert caught.value.reason is reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch(0o000)
    with pytest.raises(SourceError, match="permission denied"):
        check_file(SourceConfig(url=f"{tmp_path}/clip.mp4"))


def test_files_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a clip.mp4").touch()
    for url in (f"{tmp_path}/a clip.mp4", f"file:{tmp_path}/a%20clip.mp4", f"{tmp_path}/%03d.png"):
        check_file(SourceConfig(url=url))
    monkeypatch.chdir(tmp_path)
    check_file(SourceConfig(url="a clip.mp4"))
    with pytest.raises(SourceError, match=f"there is no such file in {tmp_path}"):
        check_file(SourceConfig(url="none.mp4"))


@pytest.mark.parametrize("url", ["rtsp://h/x", "/dev/video99", "lavfi:testsrc", "http://h/x.mp4"])
def test_what_is_no_file_is_not_looked_for(url: str) -> None:
    check_file(SourceConfig(url=url))
