"""A video file written from pictures that arrived whenever they did: each keeps its own time."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from streamseg.types import U8

MILLISECOND = Fraction(1, 1000)
H264 = ("libx264", {"crf": "23", "preset": "veryfast"})
MPEG4 = ("mpeg4", {"qscale": "4"})  # where a build of FFmpeg has no H.264 encoder


def _codec() -> tuple[str, dict[str, str]]:
    return H264 if H264[0] in av.codecs_available else MPEG4


def _even(picture: U8) -> U8:
    """Without a last odd row or column: 4:2:0 video has none."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[: height // 2 * 2, : width // 2 * 2])


def write_movie(
    path: Path, pictures: Iterable[tuple[float, U8]], size_wh: tuple[int, int], fps: float
) -> int:
    """Writes a video in real time, H.264 where this build of FFmpeg can, else MPEG-4.

    Args:
        path: The file to write; its ending says the container.
        pictures: Time in seconds and picture `[H, W, 3]` uint8 RGB; a time not later than the one before it
            by a millisecond is moved there.
        size_wh: Width and height of the pictures, pixels.
        fps: About how many pictures a second there are; only a hint to the encoder.

    Returns:
        How many pictures it holds.
    """
    name, options = _codec()
    count, last_ms, first_s = 0, -1, None
    with av.open(str(path), "w") as container:
        stream = container.add_stream(name, rate=max(1, round(fps)), options=options)
        stream.width, stream.height = size_wh[0] // 2 * 2, size_wh[1] // 2 * 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = MILLISECOND
        for at_s, picture in pictures:
            first_s = at_s if first_s is None else first_s
            frame = av.VideoFrame.from_ndarray(_even(picture), format="rgb24")
            frame.pts = last_ms = max(round((at_s - first_s) * 1000), last_ms + 1)
            frame.time_base = MILLISECOND
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode(None))
    return count
