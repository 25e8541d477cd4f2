"""A decoded `av.VideoFrame` as a `Picture`: numpy views of its planes, no copy.

FFmpeg's frames are reference-counted: a decoder writes into a buffer again only when nobody holds it. The
views hold the frame, so a picture stays what it is however far decoding runs on.
"""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace

from streamseg.types import U8, Picture, PixelLayout

_LAYOUTS = {
    "yuv420p": PixelLayout.YUV420,
    "yuvj420p": PixelLayout.YUV420,
    "yuv422p": PixelLayout.YUV422,
    "yuvj422p": PixelLayout.YUV422,
    "yuv444p": PixelLayout.YUV444,
    "yuvj444p": PixelLayout.YUV444,
    "nv12": PixelLayout.NV12,
    "gray": PixelLayout.GRAY,
    "rgb24": PixelLayout.RGB,
}
_SAMPLES = {PixelLayout.NV12: (1, 2), PixelLayout.RGB: (3,)}  # bytes a pixel, by plane, where not all are 1

_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED; PyAV's Colorspace has libswscale's numbers only
_SD_LINES = 576  # beyond it, video that does not say its matrix is taken for BT.709, as players do


def to_picture(frame: VideoFrame, *, copy: bool = False) -> Picture:
    """Wrap `frame`'s planes.

    Formats that `PixelLayout` does not know (10 bits, packed YUV, palettes, BGR…) pass libswscale first.

    Args:
        frame: A decoded frame in ordinary memory.
        copy: Copy the planes: for sources whose buffers die with the connection (V4L2's are mapped memory).
    """
    if frame.format.name not in _LAYOUTS:
        frame = frame.reformat(format=_nearest(frame))
    layout = _LAYOUTS[frame.format.name]
    samples = _SAMPLES.get(layout, (1, 1, 1))
    planes = tuple(_view(plane, n) for plane, n in zip(frame.planes, samples, strict=False))
    return Picture(
        layout=layout,
        planes=tuple(plane.copy() for plane in planes) if copy else planes,
        size_wh=(frame.width, frame.height),
        full_range=_full_range(frame, layout),
        bt709=_bt709(frame),
    )


def _view(plane: VideoPlane, samples: int) -> U8:
    """`[h, w]`, or `[h, w, samples]` for interleaved planes; rows may be padded, so not contiguous."""
    rows: U8 = np.frombuffer(plane, np.uint8).reshape(plane.height, abs(plane.line_size))
    if plane.line_size < 0:  # stored bottom row first
        rows = rows[::-1]
    view = rows[:, : plane.width * samples]
    if samples > 1:
        view = view.reshape(plane.height, plane.width, samples)
    view.flags.writeable = False  # the decoder may still predict from this buffer
    return view


def _nearest(frame: VideoFrame) -> str:
    if frame.format.is_rgb or frame.format.has_palette:
        return "rgb24"
    return "gray" if len(frame.format.components) == 1 else "yuv420p"


def _full_range(frame: VideoFrame, layout: PixelLayout) -> bool:
    if frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG:
        return True
    return layout is PixelLayout.RGB or (layout is PixelLayout.GRAY and frame.color_range != ColorRange.MPEG)


def _bt709(frame: VideoFrame) -> bool:
    if frame.colorspace == _UNSPECIFIED:
        return bool(frame.height > _SD_LINES)
    return bool(frame.colorspace == Colorspace.ITU709)
