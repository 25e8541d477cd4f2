"""How a camera moves over a still: smooth random paths, and the exact flow between two of its poses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamseg.training.config.stage_config import StabiliseRecipe
from streamseg.types import F32

F64 = NDArray[np.float64]
STRIDE = 4  # of the memory, in pixels of the network's input


def cells(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the memory, rounded up as strided convolutions do."""
    return -(-size_wh[0] // STRIDE), -(-size_wh[1] // STRIDE)


def shrunk(by: int) -> F64:
    """3×3 matrix from pixels to those of a picture `by` times smaller; centres are at whole numbers."""
    matrix = np.diag([1 / by, 1 / by, 1.0])
    matrix[:2, 2] = 0.5 / by - 0.5  # (x + ½) / by - ½
    return matrix


def camera_path(
    source_wh: tuple[int, int],
    size_wh: tuple[int, int],
    length: int,
    settings: StabiliseRecipe,
    rng: np.random.Generator,
) -> list[F64]:
    """`length` 3×3 matrices from source to frame pixels: constant velocity, slow drift of it, and shake.

    One clip in five stands still, as most mounted cameras do; one in ten frames is lost (its motion adds to
    the next).
    """
    lively = 0.0 if rng.random() < 0.2 else float(rng.uniform(0.2, 1.0))
    fit = max(size_wh[0] / source_wh[0], size_wh[1] / source_wh[1])
    pose = np.array([0.0, 0.0, np.log(fit * rng.uniform(1.0, 1.7)), np.deg2rad(rng.uniform(-6, 6))])
    pose[:2] = rng.uniform(-40, 40, 2)
    velocity = rng.normal(0, [5.0, 2.0, 0.02, 0.008]) * lively
    paths, flip = [], rng.random() < 0.5
    for _ in range(length):
        shake = rng.normal(0, [0.7, 0.7, 0.001, 0.001]) * lively
        paths.append(_matrix(pose + shake, source_wh, size_wh, flip=flip))
        velocity += rng.normal(0, [1.0, 0.5, 0.004, 0.002]) * lively
        pose = pose + velocity * (2.0 if rng.random() < settings.lost_frames else 1.0)
    return paths


def _matrix(pose: F64, source_wh: tuple[int, int], size_wh: tuple[int, int], *, flip: bool) -> F64:
    x, y, log_scale, angle = pose
    scale = np.exp(log_scale)
    c, s, mirror = scale * np.cos(angle), scale * np.sin(angle), -1.0 if flip else 1.0
    linear = np.array([[c * mirror, -s], [s * mirror, c]])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = np.asarray(size_wh) / 2 + (x, y) - linear @ (np.asarray(source_wh) / 2)
    return matrix


def flow_between(before: F64, now: F64, size_wh: tuple[int, int]) -> F32:
    """Exact backward flow between two poses, 3×3 matrices source → frame: in cells, `[2, h, w]`."""
    width, height = cells(size_wh)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    centres = np.stack([(x + 0.5) * STRIDE - 0.5, (y + 0.5) * STRIDE - 0.5, np.ones_like(x)]).reshape(3, -1)
    moved = (before @ np.linalg.inv(now) @ centres)[:2] - centres[:2]
    flow: F32 = (moved / STRIDE).reshape(2, height, width).astype(np.float32)
    return flow
