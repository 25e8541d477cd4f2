"""Frames and pictures of synthetic scenes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import pytest

from streamseg.types import U8, Clock, Frame, Picture, PixelLayout

LUMA_WH = (240, 180)
MakeFrame: TypeAlias = Callable[..., Frame]


def make_frame(
    seq: int = 0,
    *,
    pts_s: float | None = None,
    mono_s: float | None = None,
    size_wh: tuple[int, int] = (640, 480),
    discontinuity: bool = False,
) -> Frame:
    """A frame of a 15 fps stream; its picture has a size and no content."""
    picture = Picture(PixelLayout.GRAY, (np.zeros((1, 1), np.uint8),), size_wh)
    mono_s = 1000.0 + seq / 15 if mono_s is None else mono_s
    return Frame("gate", seq, pts_s, mono_s, mono_s, Clock.HOST, picture, discontinuity=discontinuity)


def scene(seed: int, size_wh: tuple[int, int] = LUMA_WH, margin: int = 60) -> U8:
    """Luma of a made-up place, `margin` pixels wider on each side: things of all greys, sizes and angles."""
    random = np.random.default_rng(seed)
    width, height = size_wh[0] + 2 * margin, size_wh[1] + 2 * margin
    picture: U8 = np.full((height, width), random.integers(60, 200), np.uint8)
    for _ in range(150):
        centre = (int(random.integers(0, width)), int(random.integers(0, height)))
        axes = (int(random.integers(4, 40)), int(random.integers(4, 40)))
        cv2.ellipse(
            picture, centre, axes, float(random.uniform(0, 180)), 0, 360, int(random.integers(0, 256)), -1
        )
    softened: U8 = cv2.GaussianBlur(picture, (5, 5), 0)
    return softened


def view(picture: U8, x: float, y: float, size_wh: tuple[int, int] = LUMA_WH, zoom: float = 1.0) -> U8:
    """What a camera sees whose upper left corner is at (x, y) of a scene."""
    place = np.array([[1 / zoom, 0, x], [0, 1 / zoom, y]], np.float32)
    seen: U8 = cv2.warpAffine(picture, place, size_wh, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return seen


@pytest.fixture(params=range(5))
def place(request: pytest.FixtureRequest) -> U8:
    """A scene, wide enough to pan in."""
    return scene(request.param)
