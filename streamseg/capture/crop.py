"""The part of a picture that is looked at: views of its planes, nothing is copied."""

from __future__ import annotations

import math

from streamseg.config.schema import RoiConfig
from streamseg.types import U8, Picture, PixelLayout, Region

_DIGITS = 6  # a share of 0.3 means 3 of 10 pixels, whatever 0.3 is in binary

# By how much U and V are smaller than Y, across and down; planes not named here are of the picture's size.
_CHROMA = {PixelLayout.YUV420: (2, 2), PixelLayout.NV12: (2, 2), PixelLayout.YUV422: (2, 1)}


def region_of(roi: RoiConfig, size_wh: tuple[int, int]) -> Region:
    """The pixels that a region of interest means in a picture of `size_wh`.

    It begins and ends at even pixels, outwards, so that colours are cut where brightness is; at the picture's
    edge it ends with the picture.
    """
    x, width = _span(roi.x, roi.w, size_wh[0])
    y, height = _span(roi.y, roi.h, size_wh[1])
    return Region(x, y, width, height)


def crop(picture: Picture, region: Region) -> Picture:
    """The picture within `region`, which lies inside it and begins at even pixels."""
    first, *rest = picture.planes
    across, down = _CHROMA.get(picture.layout, (1, 1))
    planes = [_cut(first, region, 1, 1), *(_cut(plane, region, across, down) for plane in rest)]
    size_wh = region.width, region.height
    return Picture(picture.layout, tuple(planes), size_wh, picture.full_range, picture.bt709)


def _span(start: float, length: float, size: int) -> tuple[int, int]:
    first = 2 * math.floor(round(start * size / 2, _DIGITS))
    end = min(2 * math.ceil(round((start + length) * size / 2, _DIGITS)), size)
    return first, end - first


def _cut(plane: U8, region: Region, across: int, down: int) -> U8:
    top, bottom = region.y // down, -(-(region.y + region.height) // down)
    left, right = region.x // across, -(-(region.x + region.width) // across)
    return plane[top:bottom, left:right]
