"""What is measured on: the CamVid validation drive where it is at hand, else a clip made on the spot."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from streamseg.temporal.optical_flow import luma_size
from streamseg.types import U8

ROOT = Path(__file__).resolve().parent.parent
SIZE_WH = (480, 360)
FPS = 15


def camvid_clip() -> Path | None:
    """The validation drive as a video, 101 frames of 480×360 at 15 fps; None where it is not at hand."""
    data = Path(os.environ.get("STREAMSEG_DATA", ROOT.parent / "shared" / "data"))
    clip = data / "camvid" / "val-0016E5-15fps.mp4"
    return clip if clip.is_file() else None


def moving_scene(index: int) -> U8:
    """Frame `index` of the made clip: a ground sliding past with boxes that move over it, `[H, W, 3]`."""
    width, height = SIZE_WH
    rows, columns = np.mgrid[0:height, 0:width]
    picture = np.empty((height, width, 3), np.uint8)
    picture[..., 0] = (columns + 3 * index) // 24 % 2 * 60 + 80
    picture[..., 1] = (rows // 24 + (columns + 3 * index) // 48) % 2 * 50 + 70
    picture[..., 2] = np.linspace(200, 60, height, dtype=np.uint8)[:, None]
    for box in range(4):
        left = (box * 130 + index * (box + 2)) % (width - 60)
        picture[200 + 20 * box : 260 + 20 * box, left : left + 60] = 50 * box + 40
    return picture


def make_clip(path: Path, frames: int = 150) -> Path:
    """Writes the made clip, 480×360 at 15 fps, MPEG-4."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(FPS))
        stream.width, stream.height = SIZE_WH
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 2_000_000
        for index in range(frames):
            picture = av.VideoFrame.from_ndarray(moving_scene(index), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def pictures(clip: Path, count: int, size_wh: tuple[int, int]) -> list[tuple[U8, U8]]:
    """The first frames of a clip as RGB `[H, W, 3]` at the given size, and luma as motion takes it."""
    luma_wh = luma_size(size_wh)
    made: list[tuple[U8, U8]] = []
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            rgb = frame.to_ndarray(format="rgb24", width=size_wh[0], height=size_wh[1])
            luma = frame.to_ndarray(format="gray", width=luma_wh[0], height=luma_wh[1])
            made.append((np.ascontiguousarray(rgb), np.ascontiguousarray(luma)))
            if len(made) == count:
                break
    return made
