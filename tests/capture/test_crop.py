"""The part of a picture that is looked at, to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.capture.convert import luma, to_rgb
from streamseg.capture.crop import crop, region_of
from streamseg.config.schema import RoiConfig
from streamseg.types import U8, Picture, PixelLayout, Region

SIDES = st.integers(1, 40)
SHARES = st.tuples(st.floats(0, 0.999), st.floats(0.001, 1)).map(
    lambda pair: (pair[0], min(pair[1], 1 - pair[0]))
)


@pytest.mark.parametrize(
    ("roi", "size_wh", "region"),
    [
        (RoiConfig(), (1920, 1080), Region(0, 0, 1920, 1080)),
        (RoiConfig(x=0.5, y=0.25, w=0.5, h=0.5), (1920, 1080), Region(960, 270, 960, 540)),
        (RoiConfig(x=0.3, y=0.1, w=0.4, h=0.2), (20, 20), Region(6, 2, 8, 4)),
        (RoiConfig(x=0.25, w=0.5), (18, 10), Region(4, 0, 10, 10)),  # 4.5 to 13.5
        (RoiConfig(x=0.9, w=0.1), (5, 3), Region(4, 0, 1, 3)),  # to the edge of an odd picture
        (RoiConfig(x=0.999, w=0.001), (100, 1), Region(98, 0, 2, 1)),
    ],
)
def test_pixels_from_shares(roi: RoiConfig, size_wh: tuple[int, int], region: Region) -> None:
    assert region_of(roi, size_wh) == region


@given(across=SHARES, down=SHARES, size_wh=st.tuples(SIDES, SIDES))
def test_a_region_lies_inside_holds_what_was_asked_for_and_begins_even(
    across: tuple[float, float], down: tuple[float, float], size_wh: tuple[int, int]
) -> None:
    region = region_of(RoiConfig(x=across[0], w=across[1], y=down[0], h=down[1]), size_wh)
    sides = [(across, region.x, region.width, size_wh[0]), (down, region.y, region.height, size_wh[1])]
    for (start, length), first, extent, size in sides:
        assert first % 2 == 0
        assert extent >= 1
        assert first + extent <= size
        assert first - 1e-4 <= start * size
        assert (start + length) * size <= first + extent + 1e-4
        assert extent <= length * size + 4


def planes(layout: PixelLayout, size_wh: tuple[int, int]) -> tuple[U8, ...]:
    """Planes in which every sample says where it is."""
    width, height = size_wh
    half = (width + 1) // 2, (height + 1) // 2
    sizes: dict[PixelLayout, list[tuple[int, ...]]] = {
        PixelLayout.YUV420: [(height, width), (half[1], half[0]), (half[1], half[0])],
        PixelLayout.YUV422: [(height, width), (height, half[0]), (height, half[0])],
        PixelLayout.YUV444: [(height, width)] * 3,
        PixelLayout.NV12: [(height, width), (half[1], half[0], 2)],
        PixelLayout.GRAY: [(height, width)],
        PixelLayout.RGB: [(height, width, 3)],
    }
    return tuple(np.arange(np.prod(size)).reshape(size).astype(np.uint8) for size in sizes[layout])


REGION = Region(4, 2, 7, 5)  # of 11 x 7 pixels: down to the odd corner
CUTS = {  # rows and columns of what is smaller
    PixelLayout.YUV420: (slice(1, 4), slice(2, 6)),
    PixelLayout.NV12: (slice(1, 4), slice(2, 6)),
    PixelLayout.YUV422: (slice(2, 7), slice(2, 6)),
}


@pytest.mark.parametrize("layout", PixelLayout)
def test_every_plane_is_cut_where_the_others_are(layout: PixelLayout) -> None:
    whole = planes(layout, (11, 7))
    cut = crop(Picture(layout, whole, (11, 7), full_range=True, bt709=True), REGION)
    assert (cut.size_wh, cut.full_range, cut.bt709, cut.layout) == ((7, 5), True, True, layout)
    np.testing.assert_array_equal(cut.planes[0], whole[0][2:7, 4:11])
    rows, columns = CUTS.get(layout, (slice(2, 7), slice(4, 11)))
    for before, after in zip(whole[1:], cut.planes[1:], strict=True):
        np.testing.assert_array_equal(after, before[rows, columns])


@pytest.mark.parametrize("layout", PixelLayout)
def test_nothing_is_copied(layout: PixelLayout) -> None:
    picture = Picture(layout, planes(layout, (11, 7)), (11, 7))
    pairs = zip(picture.planes, crop(picture, REGION).planes, strict=True)
    assert all(np.shares_memory(before, after) for before, after in pairs)


@pytest.mark.parametrize("layout", PixelLayout)
def test_what_is_outside_is_not_seen(layout: PixelLayout) -> None:
    """8 x 4 pixels at (4, 2), in which chroma is cut exactly, and another picture around them."""
    region = Region(4, 2, 8, 4)
    plain = [np.full_like(plane, 0) for plane in planes(layout, (16, 8))]
    crowded = Picture(layout, tuple(np.full_like(plane, 255) for plane in plain), (16, 8))
    inside = crop(crowded, region)
    for plane in inside.planes:
        plane[:] = 77
    alone = Picture(layout, tuple(np.full_like(plane, 77) for plane in inside.planes), (8, 4))
    np.testing.assert_array_equal(to_rgb(inside, (5, 3)), to_rgb(alone, (5, 3)))
    np.testing.assert_array_equal(luma(inside, (5, 3)), luma(alone, (5, 3)))
