"""How the picture moved: dense backward flow between two lumas, in cells of the memory."""

from __future__ import annotations

from enum import StrEnum

import cv2
import numpy as np

from streamseg.types import F32, U8

SMALLEST = 12  # pixels a side; the search takes no smaller picture


class MotionMode(StrEnum):
    """Whether memory is carried along with the picture."""

    FLOW = "flow"
    NONE = "none"


def luma_size(size_wh: tuple[int, int]) -> tuple[int, int]:
    """The size of luma that motion is best given, pixels: a quarter of the network's picture.

    Averaging 16 pixels takes most of a sensor's noise away, and the search can afford to look at every pixel
    left: dense at a quarter beats sparse at half, most of all on cars and poles, at the same cost.
    """
    return max(size_wh[0] // 4, SMALLEST), max(size_wh[1] // 4, SMALLEST)


def luma_of(rgb: U8, size_wh: tuple[int, int]) -> U8:
    """Luma of an RGB picture `[H, W, 3]` for a network of input `size_wh`, as motion takes it."""
    small = cv2.resize(rgb, luma_size(size_wh), interpolation=cv2.INTER_AREA)
    luma: U8 = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return luma


class OpticalFlow:
    """Dense inverse search in OpenCV's ultrafast preset, to the finest scale; not for two threads at once.

    DIS: Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016.

    Args:
        size_wh: Width and height of the memory, cells.
        mode: `none` gives zero flow: memory stays where it is.
    """

    def __init__(self, size_wh: tuple[int, int], mode: MotionMode = MotionMode.FLOW) -> None:
        self.size_wh = size_wh
        self.mode = mode
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._search.setFinestScale(0)
        # a third faster than the preset's 4 and 12, and no worse a flow to carry masks along
        self._search.setPatchStride(5)
        self._search.setGradientDescentIterations(6)

    def flow(self, luma_now: U8, luma_before: U8) -> F32:
        """Where each cell of this frame was in the last one.

        Args:
            luma_now: Luma of this frame `[H, W]` uint8.
            luma_before: Luma of the last frame, the same size.

        Returns:
            `[1, 2, h', w']` float32, contiguous: dx and dy in memory cells.
        """
        if self.mode is MotionMode.NONE:
            return self.still()
        return in_cells(self.search(luma_now, luma_before), self.size_wh)

    def search(self, luma_now: U8, luma_before: U8) -> F32:
        """The same for each pixel of the luma, in pixels: `[H, W, 2]`, whatever the mode."""
        moved: F32 = self._search.calc(luma_now, luma_before, None)
        return moved

    def still(self) -> F32:
        """Flow of a picture that did not move, or that has no past: zeros `[1, 2, h', w']`."""
        return np.zeros((1, 2, self.size_wh[1], self.size_wh[0]), np.float32)

    def guide(self, luma: U8) -> F32:
        """Luma at the memory's size, 0…1: `[1, 1, h', w']` float32."""
        small = cv2.resize(luma, self.size_wh, interpolation=cv2.INTER_AREA)
        guide: F32 = np.multiply(small, np.float32(1 / 255), dtype=np.float32)[None, None]
        return guide


def in_cells(moved: F32, size_wh: tuple[int, int]) -> F32:
    """Flow in pixels `[H, W, 2]` as flow in cells of a smaller grid `[1, 2, h', w']`."""
    height, width = moved.shape[:2]
    cells = cv2.resize(moved, size_wh, interpolation=cv2.INTER_AREA)
    flow = np.empty((1, 2, size_wh[1], size_wh[0]), np.float32)
    np.multiply(cells[..., 0], size_wh[0] / width, out=flow[0, 0])
    np.multiply(cells[..., 1], size_wh[1] / height, out=flow[0, 1])
    return flow


def carry(planes: F32, flow: F32) -> F32:
    """Moves what lies on a grid along a flow: each cell takes what was where the flow says it came from.

    Args:
        planes: `[1, C, h, w]` of the last frame.
        flow: `[1, 2, h, w]` in cells.

    Returns:
        `[1, C, h, w]`, bilinear; beyond the border the nearest cell counts.
    """
    height, width = planes.shape[2:]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = columns + flow[0, 0], rows + flow[0, 1]
    moved = [cv2.remap(plane, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE) for plane in planes[0]]
    carried: F32 = np.stack(moved)[None]
    return carried
