"""Training clips from stills: a camera path over a labelled picture gives frames, labels and exact motion.

The recurrent stage must learn what a camera does to a scene (pan, zoom, roll, shake), what a sensor does to a
frame (noise, blur, exposure), and what it must not carry over (cuts, lost frames). Few data sets label
consecutive frames; every still can be filmed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamseg.temporal.motion import Motion, luma_size
from streamseg.training.augment import add_noise, recolour
from streamseg.training.data import IGNORE
from streamseg.training.recipe import StabiliseRecipe
from streamseg.types import F32, U8

F64 = NDArray[np.float64]
STRIDE = 4  # of the memory, in pixels of the network's input


@dataclass(frozen=True, slots=True)
class Clip:
    """T consecutive frames.

    Attributes:
        images: RGB `[T, H, W, 3]`.
        labels: At half size, `[T, H/2, W/2]`; 255 = ignore.
        guides: Luma 0…1 at the memory's size, `[T, 1, h, w]`.
        flows: What the daemon would measure, or the truth with noise, cells, `[T, 2, h, w]`.
        truth: The exact flow, cells, `[T, 2, h, w]`.
        joined: Frame t continues frame t-1 (False for the first, and after a cut), `[T]`.
    """

    images: U8
    labels: U8
    guides: F32
    flows: F32
    truth: F32
    joined: NDArray[np.bool_]


Read = Callable[[np.random.Generator], tuple[U8, U8]]


def film(read: Read, settings: StabiliseRecipe, size_wh: tuple[int, int], rng: np.random.Generator) -> Clip:
    """Make one clip.

    Args:
        read: Gives a labelled picture; called again after a cut.
        settings: Frames a clip, share of cuts, flow noise.
        size_wh: The network's input size.
        rng: The only source of randomness.
    """
    cut = int(rng.integers(1, settings.frames)) if rng.random() < settings.cuts else settings.frames
    takes = [length for length in (cut, settings.frames - cut) if length]
    shots = [_shoot(*read(rng), length, settings, size_wh, rng) for length in takes]
    images, labels, paths = ([x for part in parts for x in part] for parts in zip(*shots, strict=True))
    joined = np.array([t not in (0, cut) for t in range(settings.frames)])
    motion = Motion(cells(size_wh))
    lumas = [_luma(image, size_wh) for image in images]
    truth = [
        _flow(paths[t - 1], paths[t], size_wh) if joined[t] else motion.still()[0] for t in range(len(images))
    ]
    flows = [truth[0]] + [
        _measured(motion, lumas[t - 1 : t + 1], truth[t], settings, rng) for t in range(1, len(images))
    ]
    guides = [motion.guide(luma)[0] for luma in lumas]
    return Clip(
        np.stack(images), np.stack(labels), np.stack(guides), np.stack(flows), np.stack(truth), joined
    )


def cells(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the memory, rounded up as strided convolutions do."""
    return -(-size_wh[0] // STRIDE), -(-size_wh[1] // STRIDE)


def _shoot(
    image: U8,
    label: U8,
    length: int,
    settings: StabiliseRecipe,
    size_wh: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[list[U8], list[U8], list[F64]]:
    """Film one picture: degraded frames, half-size labels, 3×3 matrices picture → frame."""
    paths = camera_path(image.shape[1::-1], size_wh, length, settings, rng)
    half = np.diag([0.5, 0.5, 1.0])
    half[:2, 2] = -0.25  # pixel centres: (x + ½) / 2 - ½
    half_wh = size_wh[0] // 2, size_wh[1] // 2
    image = recolour(image, 0.25, rng)
    clean = [
        cv2.warpAffine(image, p[:2], size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        for p in paths
    ]
    labels = [
        cv2.warpAffine(label, (half @ p)[:2], half_wh, flags=cv2.INTER_NEAREST, borderValue=IGNORE)
        for p in paths
    ]
    return _degrade(clean, rng), labels, paths


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


def _degrade(images: list[U8], rng: np.random.Generator) -> list[U8]:
    """Sensor noise (strong in one clip of four), blur that comes and goes, exposure that hunts."""
    sigma = rng.uniform(10, 30) if rng.random() < 0.25 else rng.uniform(0, 6)
    dark = rng.uniform(0.3, 0.7) if rng.random() < 0.15 else 1.0
    hunting = rng.uniform(0, 0.06)
    frames = []
    for image in images:
        gain = dark * float(np.exp(rng.normal(0, hunting)))
        frame = cv2.convertScaleAbs(image, alpha=gain)
        if rng.random() < 0.1:
            frame = cv2.GaussianBlur(frame, (0, 0), float(rng.uniform(0.5, 2.0)))
        frames.append(add_noise(frame, float(sigma), rng) if sigma > 1 else frame)
    return frames


def _luma(image: U8, size_wh: tuple[int, int]) -> U8:
    small = cv2.resize(image, luma_size(size_wh), interpolation=cv2.INTER_AREA)
    luma: U8 = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return luma


def _flow(before: F64, now: F64, size_wh: tuple[int, int]) -> F32:
    """Exact backward flow between two camera poses, in cells, `[2, h, w]`."""
    width, height = cells(size_wh)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    centres = np.stack([(x + 0.5) * STRIDE - 0.5, (y + 0.5) * STRIDE - 0.5, np.ones_like(x)]).reshape(3, -1)
    moved = (before @ np.linalg.inv(now) @ centres)[:2] - centres[:2]
    flow: F32 = (moved / STRIDE).reshape(2, height, width).astype(np.float32)
    return flow


def _measured(
    motion: Motion, lumas: list[U8], truth: F32, settings: StabiliseRecipe, rng: np.random.Generator
) -> F32:
    """Half the time the daemon's own optical flow with all its errors, else the truth with smooth noise."""
    if rng.random() < 0.5:
        measured: F32 = motion.flow(lumas[1], lumas[0])[0]
        return measured
    size = truth.shape[2], truth.shape[1]
    coarse = rng.normal(0, rng.uniform(0, settings.flow_noise_cells), (4, 5, 2)).astype(np.float32)
    noise = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC).transpose(2, 0, 1)
    noisy: F32 = truth + noise
    return noisy
