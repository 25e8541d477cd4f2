"""Things that move by themselves, cut out of labelled pictures and pasted into clips.

A still filmed by a moving camera has one motion. In a street cars and people have their own, hide what is
behind them and lay it bare again; a memory that never met any smears them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from streamseg.training.augment.camera_motion import F64, STRIDE, cells, shrunk
from streamseg.types import BOOL, U8

LEAST_PX = 200  # area of the smallest thing worth pasting
LARGEST = 0.2  # of the picture


@dataclass(frozen=True, slots=True)
class Mover:
    """A thing and its way through a scene.

    Attributes:
        image: RGB picture it was cut from, `[H, W, 3]`.
        label: Label map of that picture, `[H, W]`.
        mask: Where in it the thing is, 255 inside, `[H, W]`.
        path: 3×3 matrices, that picture to each frame.
    """

    image: U8
    label: U8
    mask: U8
    path: list[F64]


def find_thing(label: U8, classes: Sequence[int], rng: np.random.Generator) -> U8 | None:
    """One connected thing of `classes` as a mask `[H, W]`, 255 inside; None where there is none to take."""
    wanted = np.isin(label, classes).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(wanted)
    areas = stats[:, cv2.CC_STAT_AREA]
    fit = [i for i in range(1, count) if LEAST_PX <= areas[i] <= LARGEST * label.size]
    if not fit:
        return None
    mask: U8 = np.where(parts == rng.choice(fit), np.uint8(255), np.uint8(0))
    return mask


def own_path(mask: U8, camera: Sequence[F64], rng: np.random.Generator) -> list[F64]:
    """The way of a thing that begins near its old place, passes and comes nearer, seen by the camera."""
    centre = np.argwhere(mask).mean(0)[::-1]
    place = rng.uniform([-80, -10], [80, 10])
    speed, growth = rng.normal(0, [5.0, 1.0]), rng.normal(0, 0.015)
    return [
        pose @ _moved(centre, place + t * speed, float(np.exp(t * growth))) for t, pose in enumerate(camera)
    ]


def _moved(centre: F64, by: F64, scale: float) -> F64:
    matrix = np.diag([scale, scale, 1.0])
    matrix[:2, 2] = centre + by - scale * centre
    return matrix


def paste(image: U8, mover: Mover, t: int) -> U8:
    """The frame `[H, W, 3]` with the thing in it, its edge blended."""
    size_wh = image.shape[1], image.shape[0]
    matrix = mover.path[t][:2]
    soft = cv2.GaussianBlur(mover.mask, (0, 0), 0.7)
    alpha = cv2.warpAffine(soft, matrix, size_wh).astype(np.float32)[..., None] / 255
    thing = cv2.warpAffine(mover.image, matrix, size_wh)
    pasted: U8 = (image + alpha * (thing.astype(np.float32) - image)).round().astype(np.uint8)
    return pasted


def paste_label(label: U8, mover: Mover, matrix: F64) -> U8:
    """The label map `[H, W]` with the thing in it; `matrix` leads from its picture to this map."""
    size_wh = label.shape[1], label.shape[0]
    inside = cv2.warpAffine(mover.mask, matrix[:2], size_wh) > 127
    own = cv2.warpAffine(mover.label, matrix[:2], size_wh, flags=cv2.INTER_NEAREST)
    pasted: U8 = np.where(inside, own, label)
    return pasted


def cells_of(mover: Mover, t: int, size_wh: tuple[int, int]) -> BOOL:
    """Which cells of the memory the thing covers, `[h, w]`; `size_wh` is the frame's size."""
    matrix = (shrunk(STRIDE) @ mover.path[t])[:2]
    covered: BOOL = cv2.warpAffine(mover.mask, matrix, cells(size_wh)) > 127
    return covered
