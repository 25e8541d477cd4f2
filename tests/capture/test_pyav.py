"""PyAV's videos: files, HTTP, lavfi and what goes wrong with them. (RTSP has its own, real, tests.)"""

from __future__ import annotations

import struct
import threading
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import av.error
import cv2
import numpy as np
import pytest

from streamseg.capture import pyav
from streamseg.capture.decoder import DecodedFrame
from streamseg.capture.pyav import PyavVideo
from streamseg.capture.source import describe
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault
from tests.capture.conftest import write_clip
from tests.capture.servers import closed_port, http_server, refuses, sends, sends_jpegs, silent_server


def opened(url: str | Path, **fields: float | str | bool) -> PyavVideo:
    source = SourceConfig.model_validate({"url": str(url), **fields})
    return PyavVideo(source, describe(source))


def fault_of(url: str | Path, **fields: float | str | bool) -> SourceFault:
    """Why `url` cannot be opened; its text must be one line without a password."""
    with pytest.raises(SourceError) as caught:
        opened(url, **fields)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    # FFmpeg's own error holds the URL; it must not reach a log with the traceback
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert caught.value.__cause__ is None
    return caught.value.reason


def test_a_file_gives_every_frame_with_its_pts(clip: Path) -> None:
    video = opened(clip)
    frames = list(video.frames())
    video.close()
    assert [frame.pts_s for frame in frames] == pytest.approx([number * 0.04 for number in range(10)])
    assert (video.finite, video.frame_s) == (True, 0.04)
    assert all(frame.decode_ms > 0 and frame.camera_unix_s is None for frame in frames)
    lumas = [int(frame.picture().planes[0][24, 32]) for frame in frames]
    assert lumas == sorted(lumas)


def test_a_colon_in_a_files_name_is_no_protocol(tmp_path: Path) -> None:
    video = opened(write_clip(tmp_path / "gate:1 100%.mp4"))
    assert len(list(video.frames())) == 10
    video.close()


def test_closing_twice_does_no_harm(clip: Path) -> None:
    video = opened(clip)
    video.close()
    video.close()


def test_lavfi() -> None:
    video = opened("lavfi:testsrc2=size=64x48:rate=10:duration=0.5")
    assert (video.finite, video.frame_s) == (True, 0.1)
    assert len(list(video.frames())) == 5
    video.close()


def test_the_picture_size_may_change_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "both.h264"
    sizes = [(64, 48), (96, 64)]
    with path.open("wb") as both:
        for size_wh in sizes:
            part = write_clip(tmp_path / "part.h264", frames=5, size_wh=size_wh, codec="libx264")
            both.write(part.read_bytes())
    video = opened(path)
    seen = [frame.picture().size_wh for frame in video.frames()]
    video.close()
    assert seen == [sizes[0]] * 5 + [sizes[1]] * 5


def test_damage_costs_frames_and_nothing_else(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", frames=30)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    video = opened(path)
    assert 15 <= len(list(video.frames())) <= 30
    video.close()


def test_a_missing_file(tmp_path: Path) -> None:
    assert fault_of(tmp_path / "nothing.mp4") is SourceFault.NOT_FOUND


def test_a_folder(tmp_path: Path) -> None:
    assert fault_of(tmp_path) is SourceFault.UNSUPPORTED


def test_not_a_video(tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("buy milk\n" * 100)
    assert fault_of(text) is SourceFault.UNSUPPORTED


def test_a_text_is_no_video(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("FFmpeg would play this as the screen of a terminal\n" * 9)
    assert fault_of(text) is SourceFault.UNSUPPORTED


def test_an_empty_file(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert fault_of(empty) in {SourceFault.UNSUPPORTED, SourceFault.EOF}


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(8000))
    assert fault_of(path) is SourceFault.NO_VIDEO


def test_an_unknown_filter() -> None:
    assert fault_of("lavfi:nosuchfilter") is SourceFault.UNSUPPORTED


def test_a_missing_device() -> None:
    assert fault_of("/dev/video63") is SourceFault.NOT_FOUND


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_nobody_listens(scheme: str) -> None:
    with closed_port() as port:
        assert fault_of(f"{scheme}://me:secret@127.0.0.1:{port}/x") is SourceFault.REFUSED


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_server_that_never_answers(scheme: str) -> None:
    with silent_server() as port:
        url = f"{scheme}://me:secret@127.0.0.1:{port}/x"
        assert fault_of(url, open_timeout_s=0.5) is SourceFault.TIMEOUT


def test_a_host_without_an_address() -> None:
    assert fault_of("rtsp://me:secret@no-such-host.invalid/x") is SourceFault.UNREACHABLE


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (401, SourceFault.AUTH),
        (403, SourceFault.AUTH),
        (404, SourceFault.NOT_FOUND),
        (418, SourceFault.REFUSED),
        (500, SourceFault.REFUSED),
    ],
)
def test_http_refusals(status: int, fault: SourceFault) -> None:
    with http_server(refuses(status)) as url:
        assert fault_of(f"{url}/x.mp4") is fault


def test_a_clip_over_http_has_an_end(clip: Path) -> None:
    with http_server(sends(clip)) as url:
        video = opened(f"{url}/clip.mp4")
        assert video.finite
        assert len(list(video.frames())) == 10
        video.close()


def jpegs(count: int) -> list[bytes]:
    return [cv2.imencode(".jpg", np.full((48, 64, 3), 10 * n, np.uint8))[1].tobytes() for n in range(count)]


def test_a_jpeg_camera_over_http_is_live() -> None:
    with http_server(sends_jpegs(jpegs(20))) as url:
        video = opened(f"{url}/video.mjpg")
        assert not video.finite
        seen: list[DecodedFrame] = []
        with pytest.raises(SourceError, match="the connection was lost") as caught:
            seen.extend(video.frames())
        video.close()
    assert len(seen) >= 15
    assert caught.value.reason is SourceFault.EOF


def test_a_camera_that_falls_silent_is_stalled() -> None:
    over = threading.Event()
    with http_server(sends_jpegs(jpegs(20), then=over)) as url:
        video = opened(f"{url}/video.mjpg", stall_after_s=0.5)
        with pytest.raises(SourceError, match=r"no data for 0\.5 s") as caught:
            list(video.frames())
        over.set()
        video.close()
    assert caught.value.reason is SourceFault.STALLED


class SlowDevice:
    """A container whose device has nothing ready every other time."""

    def __init__(self, container: av.container.InputContainer, ready: bool) -> None:
        self._packets = container.demux(video=0)
        self._ready = ready
        self._reads = 0

    def demux(self, _: object) -> Iterator[object]:
        self._reads += 1
        if not self._ready or self._reads % 2:
            raise av.error.BlockingIOError(11, "Resource temporarily unavailable")
        yield from self._packets

    def close(self) -> None:
        """Nothing to close."""


def test_a_device_that_is_not_ready_is_asked_again(clip: Path) -> None:
    video = opened(clip)
    with av.open(clip) as container:
        video._container = SlowDevice(container, ready=True)
        video._stream = container.streams.video[0]
        assert len(list(video.frames())) == 10


def test_a_device_that_never_is_ready_is_stalled(clip: Path) -> None:
    video = opened(clip, stall_after_s=0.5)
    with av.open(clip) as container:
        video._container = SlowDevice(container, ready=False)
        with pytest.raises(SourceError, match="no data for") as caught:
            list(video.frames())
    assert caught.value.reason is SourceFault.STALLED


def test_the_cameras_clock_comes_from_producer_reference_times() -> None:
    taken_us = 1_800_000_000_250_000
    side_data = {"prft": struct.pack("=qi", taken_us, 24)}
    packet = SimpleNamespace(
        pts=900_000,
        time_base=Fraction(1, 90_000),
        has_sidedata=side_data.__contains__,
        get_sidedata=side_data.__getitem__,
    )
    offset_s = pyav._camera_offset(packet)
    assert pyav._camera_time(SimpleNamespace(time=10.5), offset_s) == pytest.approx(1_800_000_000.75)
    assert pyav._camera_time(SimpleNamespace(time=None), offset_s) is None
    assert pyav._camera_time(SimpleNamespace(time=10.5), None) is None
    side_data.clear()
    assert pyav._camera_offset(packet) is None
