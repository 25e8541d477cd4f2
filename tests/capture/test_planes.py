"""Planes of decoded frames: the right shapes, the right values, and theirs for good."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from streamseg.capture.planes import to_picture
from streamseg.types import PixelLayout
from tests.capture.conftest import write_clip

Size = tuple[int, int]


def decoded(
    pix_fmt: str, size_wh: Size = (34, 18), color: tuple[int, int, int] = (200, 100, 50)
) -> av.VideoFrame:
    """A frame of one colour in `pix_fmt`."""
    rgb = np.full((size_wh[1], size_wh[0], 3), color, np.uint8)
    return av.VideoFrame.from_ndarray(rgb).reformat(format=pix_fmt)


@pytest.mark.parametrize(
    ("pix_fmt", "layout", "shapes"),
    [
        ("yuv420p", PixelLayout.YUV420, [(17, 33), (9, 17), (9, 17)]),
        ("yuvj420p", PixelLayout.YUV420, [(17, 33), (9, 17), (9, 17)]),
        ("yuv422p", PixelLayout.YUV422, [(17, 33), (17, 17), (17, 17)]),
        ("yuv444p", PixelLayout.YUV444, [(17, 33), (17, 33), (17, 33)]),
        ("nv12", PixelLayout.NV12, [(17, 33), (9, 17, 2)]),
        ("gray", PixelLayout.GRAY, [(17, 33)]),
        ("rgb24", PixelLayout.RGB, [(17, 33, 3)]),
        ("bgr24", PixelLayout.RGB, [(17, 33, 3)]),
        ("gbrp", PixelLayout.RGB, [(17, 33, 3)]),
        ("yuyv422", PixelLayout.YUV420, [(17, 33), (9, 17), (9, 17)]),
        ("yuv422p10le", PixelLayout.YUV420, [(17, 33), (9, 17), (9, 17)]),
        ("gray10le", PixelLayout.GRAY, [(17, 33)]),
    ],
)
def test_every_format_has_a_layout(pix_fmt: str, layout: PixelLayout, shapes: list[tuple[int, ...]]) -> None:
    picture = to_picture(decoded(pix_fmt, (33, 17)))  # odd on purpose: chroma rounds up
    assert picture.layout is layout
    assert [plane.shape for plane in picture.planes] == shapes
    assert picture.size_wh == (33, 17)
    assert all(plane.dtype == np.uint8 for plane in picture.planes)


def test_a_palette_is_looked_up() -> None:
    frame = av.VideoFrame(8, 8, "pal8")
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.planes[1].update(b"\x10\x20\x30\xff" * 256)  # native-endian ARGB
    picture = to_picture(frame)
    assert picture.layout is PixelLayout.RGB
    assert picture.planes[0][0, 0].tolist() == [0x30, 0x20, 0x10]


def test_the_planes_are_views_that_nobody_writes_to() -> None:
    frame = decoded("yuv420p")
    luma = to_picture(frame).planes[0]
    assert np.shares_memory(luma, np.frombuffer(frame.planes[0], np.uint8))
    with pytest.raises(ValueError, match="read-only"):
        luma[0, 0] = 1


def test_a_copy_shares_nothing() -> None:
    frame = decoded("yuv420p")
    luma = to_picture(frame, copy=True).planes[0]
    assert not np.shares_memory(luma, np.frombuffer(frame.planes[0], np.uint8))


@pytest.mark.parametrize("codec", ["mpeg4", "libx264", "mjpeg"])
def test_a_picture_stays_what_it_was_while_decoding_goes_on_and_after(codec: str, tmp_path: Path) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_clip(tmp_path / "clip.mkv", frames=60, codec=codec, pix_fmt=pix_fmt)
    pictures, copies = [], []
    with av.open(path) as container:
        for frame in container.decode(video=0):
            pictures.append(to_picture(frame))
            copies.append([plane.copy() for plane in pictures[-1].planes])
            del frame
    del container
    assert len(pictures) == 60
    for picture, copy in zip(pictures, copies, strict=True):
        for held, then in zip(picture.planes, copy, strict=True):
            np.testing.assert_array_equal(held, then)


@pytest.mark.parametrize(
    ("pix_fmt", "color_range", "full"),
    [
        ("yuv420p", ColorRange.UNSPECIFIED, False),
        ("yuv420p", ColorRange.MPEG, False),
        ("yuv420p", ColorRange.JPEG, True),
        ("yuvj420p", ColorRange.UNSPECIFIED, True),
        ("gray", ColorRange.UNSPECIFIED, True),
        ("gray", ColorRange.MPEG, False),
        ("rgb24", ColorRange.UNSPECIFIED, True),
    ],
)
def test_range(pix_fmt: str, color_range: ColorRange, full: bool) -> None:
    frame = av.VideoFrame(32, 16, pix_fmt)
    frame.color_range = color_range
    assert to_picture(frame).full_range is full


@pytest.mark.parametrize(
    ("colorspace", "size_wh", "bt709"),
    [
        (Colorspace.ITU709, (64, 48), True),
        (Colorspace.ITU601, (1280, 720), False),
        (2, (1280, 720), True),  # unspecified: by size, as players do
        (2, (720, 576), False),
    ],
)
def test_matrix(colorspace: int, size_wh: Size, bt709: bool) -> None:
    frame = av.VideoFrame(*size_wh, "yuv420p")
    frame.colorspace = colorspace
    assert to_picture(frame).bt709 is bt709


def test_ten_bits_keep_their_brightness() -> None:
    frame = av.VideoFrame(32, 16, "yuv420p10le")
    for plane, value in zip(frame.planes, (400, 512, 512), strict=True):
        plane.update(np.full(plane.buffer_size // 2, value, "<u2"))
    picture = to_picture(frame)
    assert int(picture.planes[0][5, 5]) == 100
    assert not picture.full_range


def test_rows_stored_bottom_up_come_out_top_down(tmp_path: Path) -> None:
    path = tmp_path / "flipped.avi"  # raw BGR in AVI is stored bottom row first
    rgb = np.zeros((16, 32, 3), np.uint8)
    rgb[0] = 255
    with av.open(path, "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "bgr24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb)))
        container.mux(stream.encode(None))
    with av.open(path) as container:
        picture = to_picture(next(container.decode(video=0)))
    assert picture.planes[0][:, 0, 0].tolist() == [255, *[0] * 15]
