"""RGB and luma at a network's size from a picture's own planes; no full-size RGB is ever made."""

from __future__ import annotations

import threading
from functools import lru_cache

import cv2
import numpy as np

from streamseg.types import F32, U8, Picture, PixelLayout

# Kr, Kb: the share of red and blue in luma (ITU-R BT.601-7 § 2.5.1, BT.709-6 § 3.2)
_BT601 = (0.299, 0.114)
_BT709 = (0.2126, 0.0722)


def to_rgb(picture: Picture, size_wh: tuple[int, int]) -> U8:
    """Convert to RGB at `size_wh`.

    The planes are resized first and converted small: a third of the work of converting first, and the same
    picture but for rounding.

    Args:
        picture: Any layout, either range, BT.601 or BT.709.
        size_wh: Width and height wanted, pixels.

    Returns:
        `[h, w, 3]` uint8, full range, a new array.
    """
    if picture.layout is PixelLayout.RGB:
        return resize(picture.planes[0], size_wh)
    if picture.layout is PixelLayout.GRAY:
        rgb: U8 = cv2.merge([luma(picture, size_wh)] * 3)
    else:
        rgb = cv2.transform(_small_yuv(picture, size_wh), _matrix(picture.full_range, picture.bt709))
    return rgb


def luma(picture: Picture, size_wh: tuple[int, int]) -> U8:
    """Return the picture's brightness at `size_wh`, 0 black to 255 white, straight from its luma plane.

    Args:
        picture: Any layout; limited range is stretched to the full one.
        size_wh: Width and height wanted, pixels.

    Returns:
        `[h, w]` uint8, a new array.
    """
    small = resize(picture.planes[0], size_wh)
    if picture.layout is PixelLayout.RGB:
        small = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    elif not picture.full_range:
        small = cv2.LUT(small, _stretch())
    return small


def resize(plane: U8, size_wh: tuple[int, int], out: U8 | None = None) -> U8:
    """Resize `[H, W]` or `[H, W, n]`: averages of 2×2 while that is too large by two or more, then bilinear.

    The averages keep fine detail from aliasing as an area filter does, at a quarter of its cost.

    Args:
        plane: What to resize.
        size_wh: Width and height wanted, pixels.
        out: Where to put it; None makes a new array.
    """
    width, height = size_wh
    while plane.shape[1] >= 2 * width and plane.shape[0] >= 2 * height:
        half_wh = plane.shape[1] // 2, plane.shape[0] // 2
        even = plane[: 2 * half_wh[1], : 2 * half_wh[0]]  # OpenCV is quick at exactly one half only
        plane = cv2.resize(even, half_wh, interpolation=cv2.INTER_AREA)
    resized: U8 = cv2.resize(plane, size_wh, dst=out, interpolation=cv2.INTER_LINEAR)
    return resized


def _small_yuv(picture: Picture, size_wh: tuple[int, int]) -> U8:
    """`[h, w, 3]`: all three at the same size; this thread's scratch, good until its next picture."""
    scratch = _scratch.of_size(size_wh)
    if picture.layout is PixelLayout.NV12:
        y, uv = (resize(plane, size_wh) for plane in picture.planes)
        small = [y, *cv2.split(uv)]
    else:
        pairs = zip(picture.planes, scratch.planes, strict=True)
        small = [resize(plane, size_wh, out) for plane, out in pairs]
    cv2.merge(small, scratch.yuv)
    return scratch.yuv


class _Scratch(threading.local):
    """A thread's buffers between resizing and converting; fresh ones cost as much in page faults alone."""

    def __init__(self) -> None:
        self.planes: list[U8] = []
        self.yuv: U8 = np.empty((0, 0, 3), np.uint8)

    def of_size(self, size_wh: tuple[int, int]) -> _Scratch:
        """Make the buffers fit `size_wh`."""
        shape = size_wh[1], size_wh[0]
        if self.yuv.shape[:2] != shape:
            self.planes = [np.empty(shape, np.uint8) for _ in range(3)]
            self.yuv = np.empty((*shape, 3), np.uint8)
        return self


_scratch = _Scratch()


@lru_cache(maxsize=4)
def _matrix(full_range: bool, bt709: bool) -> F32:
    """`[3, 4]`: rgb = M · (y, u, v, 1), all 0…255 (ITU-T H.273 § 8.3, Eq. 38 ff. inverted)."""
    kr, kb = _BT709 if bt709 else _BT601
    kg = 1.0 - kr - kb
    y_gain, uv_gain, black = (1.0, 1.0, 0.0) if full_range else (255 / 219, 255 / 224, 16.0)
    r_v, b_u = 2 * (1 - kr) * uv_gain, 2 * (1 - kb) * uv_gain
    gains = np.array([[y_gain, 0, r_v], [y_gain, -b_u * kb / kg, -r_v * kr / kg], [y_gain, b_u, 0]])
    offset = gains @ np.array([black, 128.0, 128.0])
    return np.column_stack([gains, -offset]).astype(np.float32)


@lru_cache(maxsize=1)
def _stretch() -> U8:
    """`[256]`: 16…235 to 0…255."""
    return ((np.arange(256) - 16.0) * (255 / 219)).round().clip(0, 255).astype(np.uint8)
