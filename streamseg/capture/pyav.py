"""A source opened with PyAV (FFmpeg)."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from streamseg.capture.decoder import DecodedFrame, VideoDecoder
from streamseg.capture.ffmpeg_errors import Operation, as_source_error
from streamseg.capture.planes import to_picture
from streamseg.capture.source import FFmpegInput, SourceKind
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault

_POLL_S = 0.002  # between two looks at a non-blocking device
_DEFAULT_RATE_HZ = 25


def open_video(source: SourceConfig, target: FFmpegInput) -> VideoDecoder:
    """Open `source` with PyAV (an `OpenVideo`).

    Raises:
        SourceError: It cannot be opened, or holds no video.
    """
    return PyavVideo(source, target)


class PyavVideo:
    """The best video stream of one source; implements `VideoDecoder`.

    Opening and every read of a live source have a time limit that FFmpeg itself checks (its interrupt
    callback, which PyAV sets): no call outlasts twice `open_timeout_s`, or `stall_after_s`, but for the
    resolver's own time on a host's name.
    """

    def __init__(self, source: SourceConfig, target: FFmpegInput) -> None:
        """Open the source.

        Raises:
            SourceError: It cannot be opened, or holds no video.
        """
        self._input = target
        self._open_timeout_s = source.open_timeout_s
        self._stall_after_s = source.stall_after_s
        with self._explained(Operation.OPEN):
            self._container = self._open()
        try:
            _refuse_text(self._container, target)
            self._stream = _video_stream(self._container, target)
        except SourceError:
            self._container.close()
            raise
        self._stream.codec_context.thread_count = 1  # frame threads add delay; streams are parallel already
        self.finite = not target.live or (
            target.kind is SourceKind.HTTP and self._container.duration is not None
        )
        self.frame_s = 1.0 / float(self._stream.average_rate or _DEFAULT_RATE_HZ)

    def frames(self) -> Iterator[DecodedFrame]:
        """Yield frames until the source ends (see `VideoDecoder.frames`)."""
        camera_minus_pts_s: float | None = None
        for packet in self._packets():
            mono_s, unix_s = time.monotonic(), time.time()
            camera_minus_pts_s = _camera_offset(packet) or camera_minus_pts_s
            for frame in _decode(packet):
                yield DecodedFrame(
                    picture=partial(to_picture, frame, copy=self._input.kind is SourceKind.V4L2),
                    pts_s=frame.time,
                    arrived_mono_s=mono_s,
                    arrived_unix_s=unix_s,
                    camera_unix_s=_camera_time(frame, camera_minus_pts_s),
                    decode_ms=(time.monotonic() - mono_s) * 1e3,
                )

    def close(self) -> None:
        """Let the source go. Idempotent."""
        self._container.close()

    def _open(self) -> InputContainer:
        read_timeout_s = self._stall_after_s if self._input.live else None
        return av.open(
            self._input.url,
            mode="r",
            format=self._input.format,
            options=self._input.options,
            timeout=(self._open_timeout_s, read_timeout_s),
        )

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """Packets of the stream, the flushing one last; polls where the device does not block."""
        heard_s = time.monotonic()
        while True:
            try:
                for packet in self._demux():
                    heard_s = time.monotonic()
                    yield packet
            except BlockingIOError:
                if time.monotonic() - heard_s > self._stall_after_s:
                    raise self._silent() from None
                time.sleep(_POLL_S)
            else:
                return

    def _demux(self) -> Iterator[Packet[VideoStream]]:
        packets = self._container.demux(self._stream)
        while True:
            with self._explained(Operation.READ):
                packet = next(packets, None)
            if packet is None:
                return
            yield packet

    @contextmanager
    def _explained(self, phase: Operation) -> Iterator[None]:
        limit_s = self._open_timeout_s if phase is Operation.OPEN else self._stall_after_s
        began_s = time.monotonic()
        try:
            yield
        except av.error.BlockingIOError:
            raise
        except av.error.FFmpegError as error:
            struck = self._input.live and time.monotonic() - began_s >= limit_s
            # "from None": the original's text holds the URL with its password
            raise as_source_error(error, self._input, phase, limit_s if struck else None) from None

    def _silent(self) -> SourceError:
        return SourceError(SourceFault.STALLED, f"{self._input.label}: no data for {self._stall_after_s:g} s")


def _refuse_text(container: InputContainer, target: FFmpegInput) -> None:
    """FFmpeg takes any text file for the screen of a terminal, and plays it."""
    if container.format.name == "tty":
        raise SourceError(SourceFault.UNSUPPORTED, f"{target.label}: a text file, not a video")


def _video_stream(container: InputContainer, target: FFmpegInput) -> VideoStream:
    streams = [
        stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic
    ]
    if not streams:
        raise SourceError(SourceFault.NO_VIDEO, f"{target.label}: there is no video in it")
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    if stream.codec_context is None:
        raise SourceError(SourceFault.UNSUPPORTED, f"{target.label}: FFmpeg has no decoder for its video")
    return stream


def _decode(packet: Packet[VideoStream]) -> list[VideoFrame]:
    """Frames the packet completes; none for a damaged one: the next key frame mends the picture."""
    try:
        frames: list[VideoFrame] = packet.decode()
    except av.error.InvalidDataError:
        return []
    return frames


def _camera_offset(packet: Packet[VideoStream]) -> float | None:
    """Camera time minus pts, seconds, from the producer reference time that RTCP sender reports allow.

    The side data is FFmpeg's AVProducerReferenceTime: int64 microseconds since 1970, int flags.
    """
    if packet.pts is None or not packet.has_sidedata("prft"):
        return None
    (unix_us,) = struct.unpack_from("=q", bytes(packet.get_sidedata("prft")))
    return float(unix_us) * 1e-6 - float(packet.pts * packet.time_base)


def _camera_time(frame: VideoFrame, camera_minus_pts_s: float | None) -> float | None:
    if camera_minus_pts_s is None or frame.time is None:
        return None
    return float(frame.time) + camera_minus_pts_s
