"""RGB and luma from planes, against libswscale and against the standards' own equations."""

from __future__ import annotations

import threading

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from hypothesis import given
from hypothesis import strategies as st

from streamseg.capture.convert import luma, resize, to_rgb
from streamseg.capture.planes import to_picture
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.worker_thread import StoppableThread
from streamseg.types import U8, Picture, PixelLayout
from tests.fakes.source import make_picture
from tests.waiting import time_limit

PLANAR = ["yuv420p", "yuv422p", "yuv444p", "nv12"]
PRIMARIES = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (180, 90, 30)]


def scene(size_wh: tuple[int, int]) -> U8:
    """A smooth colourful picture `[h, w, 3]`: what resizing first or last must agree on."""
    x, y = np.meshgrid(np.linspace(0, 1, size_wh[0]), np.linspace(0, 1, size_wh[1]))
    rgb = np.stack([x, y, 0.5 + 0.5 * np.sin(3 * x + 2 * y)], axis=-1)
    return (rgb * 255).astype(np.uint8)


def encoded(rgb: U8, pix_fmt: str, matrix: Colorspace, color_range: ColorRange) -> av.VideoFrame:
    """`rgb` as `pix_fmt` by libswscale, marked with its matrix and range."""
    frame = av.VideoFrame.from_ndarray(rgb).reformat(
        format=pix_fmt,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=ColorRange.JPEG,
        dst_color_range=color_range,
        interpolation=Interpolation.BICUBIC,
    )
    frame.colorspace, frame.color_range = matrix, color_range
    return frame


@pytest.mark.parametrize("color_range", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("matrix", [Colorspace.ITU601, Colorspace.ITU709])
@pytest.mark.parametrize("pix_fmt", PLANAR)
def test_rgb_comes_back_as_it_went_into_libswscale(
    pix_fmt: str, matrix: Colorspace, color_range: ColorRange
) -> None:
    rgb = scene((320, 240))
    picture = to_picture(encoded(rgb, pix_fmt, matrix, color_range))
    error = np.abs(to_rgb(picture, (320, 240)).astype(int) - rgb)
    assert error.mean() < 1.5
    assert np.percentile(error, 99) <= 5  # chroma's own resolution costs the last few at the edges


@pytest.mark.parametrize("size_wh", [(480, 360), (160, 120), (100, 77), (33, 200)])
def test_resizing_the_planes_first_gives_the_picture_resized_last(size_wh: tuple[int, int]) -> None:
    rgb = scene((640, 480))
    picture = to_picture(encoded(rgb, "yuv420p", Colorspace.ITU601, ColorRange.MPEG))
    expected = cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA)
    small = to_rgb(picture, size_wh)
    assert small.shape == (size_wh[1], size_wh[0], 3)
    assert np.abs(small.astype(int) - expected).mean() < 2.5


@pytest.mark.parametrize("bt709", [False, True])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("color", PRIMARIES)
def test_colours_by_the_standards_equations(
    color: tuple[int, int, int], full_range: bool, bt709: bool
) -> None:
    # BT.601-7 § 2.5, BT.709-6 § 3 and 4: Y = Kr R + Kg G + Kb B; Pb = (B - Y) / (2 (1 - Kb))
    kr, kb = (0.2126, 0.0722) if bt709 else (0.299, 0.114)
    r, g, b = (channel / 255 for channel in color)
    y = kr * r + (1 - kr - kb) * g + kb * b
    pb, pr = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    black, y_span, c_span = (0, 255, 255) if full_range else (16, 219, 224)
    codes = [round(black + y_span * y), round(128 + c_span * pb), round(128 + c_span * pr)]
    plain = make_picture((8, 8), *(min(code, 255) for code in codes))
    picture = Picture(plain.layout, plain.planes, plain.size_wh, full_range, bt709)
    assert to_rgb(picture, (4, 4))[0, 0].tolist() == pytest.approx(color, abs=3)
    assert luma(picture, (4, 4))[0, 0] == pytest.approx(255 * y, abs=1)


def test_luma_is_stretched_and_clipped() -> None:
    assert [int(luma(make_picture(y=y), (8, 8))[0, 0]) for y in (0, 16, 235, 255)] == [0, 0, 255, 255]


def test_luma_of_rgb_and_gray() -> None:
    red = Picture(PixelLayout.RGB, (np.full((4, 4, 3), (255, 0, 0), np.uint8),), (4, 4), full_range=True)
    assert luma(red, (2, 2)).tolist() == [[76, 76], [76, 76]]
    gray = Picture(PixelLayout.GRAY, (np.full((4, 4), 90, np.uint8),), (4, 4), full_range=True)
    assert luma(gray, (2, 2)).tolist() == [[90, 90], [90, 90]]
    assert to_rgb(gray, (2, 2)).tolist() == [[[90] * 3] * 2] * 2
    assert to_rgb(red, (2, 2)).tolist() == [[[255, 0, 0]] * 2] * 2


@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    wanted=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    value=st.integers(0, 255),
)
def test_any_size_to_any_size_keeps_a_plain_plane_plain(
    size: tuple[int, int], wanted: tuple[int, int], value: int
) -> None:
    resized = resize(np.full((size[1], size[0]), value, np.uint8), wanted)
    assert resized.shape == (wanted[1], wanted[0])
    assert (resized == value).all()


def test_fine_detail_is_averaged_not_sampled() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 64))  # [64, 128], a line a pixel
    assert np.ptp(resize(stripes, (32, 16))) <= 1


def test_two_sizes_in_turn_and_two_threads_do_not_mix() -> None:
    pictures = [make_picture((64, 48), y=y) for y in (60, 120, 180)]
    expected = [to_rgb(picture, (16, 12)).copy() for picture in pictures]
    wrong: list[int] = []

    def convert(_: threading.Event) -> None:
        for turn in range(300):
            to_rgb(pictures[0], (20 + turn % 2, 16))
            number = turn % 3
            wrong.extend([number] * int((to_rgb(pictures[number], (16, 12)) != expected[number]).any()))

    stages = [StoppableThread(f"convert-{number}", convert) for number in range(4)]
    for stage in stages:
        stage.start()
    assert all(stage.join(Deadline(time_limit(60))) for stage in stages)
    assert (wrong, [stage.error for stage in stages]) == ([], [None] * 4)


def test_the_result_is_ones_own() -> None:
    picture = make_picture((16, 8), y=100)
    luma(picture, (16, 8))[:] = 0
    assert (picture.planes[0] == 100).all()
    rgb = Picture(PixelLayout.RGB, (np.full((8, 16, 3), 9, np.uint8),), (16, 8), full_range=True)
    to_rgb(rgb, (16, 8))[:] = 0
    assert (rgb.planes[0] == 9).all()
