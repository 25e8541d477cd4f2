"""Training clips from stills: a camera path over a labelled picture gives frames, labels and exact motion.

The recurrent stage must learn what a camera does to a scene (pan, zoom, roll, shake), what things do in it,
what a sensor does to a frame (noise, blur, exposure), and what it must not carry over (what was hidden, cuts,
lost frames). Few data sets label consecutive frames; every still can be filmed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from streamseg.temporal.optical_flow import OpticalFlow, luma_of
from streamseg.training.augment.camera_motion import F64, camera_path, cells, flow_between, shrunk
from streamseg.training.augment.moving_objects import (
    Mover,
    cells_of,
    find_thing,
    own_path,
    paste,
    paste_label,
)
from streamseg.training.augment.transforms import add_noise, recolour
from streamseg.training.config.recipe_data import IGNORE
from streamseg.training.config.stage_config import StabiliseRecipe
from streamseg.training.evaluation.metrics import warp_labels
from streamseg.types import BOOL, F32, U8

MOVERS = 1.0  # things that move by themselves, on average, in a take
_HALF = shrunk(2)


@dataclass(frozen=True, slots=True)
class Clip:
    """T consecutive frames.

    Attributes:
        images: RGB `[T, H, W, 3]`.
        labels: At half size, `[T, H/2, W/2]`; 255 = ignore.
        guides: Luma 0…1 at the memory's size, `[T, 1, h, w]`.
        flows: What the daemon would measure, or the truth with noise, cells, `[T, 2, h, w]`.
        truth: The exact flow, cells, `[T, 2, h, w]`.
        known: Cells that show what the last frame showed where `truth` says, `[T, 1, h, w]`.
        joined: Frame t continues frame t-1 (False for the first, and after a cut), `[T]`.
    """

    images: U8
    labels: U8
    guides: F32
    flows: F32
    truth: F32
    known: BOOL
    joined: BOOL


@dataclass(frozen=True, slots=True)
class _Shot:
    """One take without a cut; lists of what `Clip` holds arrays of."""

    images: list[U8]
    labels: list[U8]
    truth: list[F32]
    known: list[BOOL]


Read = Callable[[np.random.Generator], tuple[U8, U8]]


def film(
    read: Read,
    settings: StabiliseRecipe,
    size_wh: tuple[int, int],
    rng: np.random.Generator,
    moving: Sequence[int] = (),
) -> Clip:
    """Make one clip.

    Args:
        read: Gives a labelled picture; called again after a cut, and for each thing pasted.
        settings: Frames a clip, share of cuts, flow noise.
        size_wh: The network's input size.
        rng: The only source of randomness.
        moving: Ids of the classes whose things move by themselves.
    """
    cut = int(rng.integers(1, settings.frames)) if rng.random() < settings.cuts else settings.frames
    takes = [length for length in (cut, settings.frames - cut) if length]
    shots = [_shoot(read, length, settings, size_wh, rng, moving) for length in takes]
    images = [image for shot in shots for image in shot.images]
    truth = [flow for shot in shots for flow in shot.truth]
    motion = OpticalFlow(cells(size_wh))
    lumas = [luma_of(image, size_wh) for image in images]
    measured = [
        _measured(motion, lumas[t - 1 : t + 1], truth[t], settings, rng) for t in range(1, len(lumas))
    ]
    return Clip(
        images=np.stack(images),
        labels=np.stack([label for shot in shots for label in shot.labels]),
        guides=np.stack([motion.guide(luma)[0] for luma in lumas]),
        flows=np.stack([truth[0], *measured]),
        truth=np.stack(truth),
        known=np.stack([known for shot in shots for known in shot.known])[:, None],
        joined=np.array([t not in (0, cut) for t in range(settings.frames)]),
    )


def _shoot(
    read: Read,
    length: int,
    settings: StabiliseRecipe,
    size_wh: tuple[int, int],
    rng: np.random.Generator,
    moving: Sequence[int],
) -> _Shot:
    """Film one picture, with other things passing by."""
    image, label = read(rng)
    camera = camera_path(image.shape[1::-1], size_wh, length, settings, rng)
    movers = _movers(read, camera, rng, moving)
    image = recolour(image, 0.25, rng)
    frames = [
        cv2.warpAffine(image, p[:2], size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        for p in camera
    ]
    labels = [_half_label(label, pose, size_wh) for pose in camera]
    for mover in movers:
        frames = [paste(frame, mover, t) for t, frame in enumerate(frames)]
        labels = [
            paste_label(half, mover, _HALF @ pose) for half, pose in zip(labels, mover.path, strict=True)
        ]
    return _Shot(_degrade(frames, rng), labels, *_motion(camera, movers, size_wh))


def _movers(
    read: Read, camera: Sequence[F64], rng: np.random.Generator, moving: Sequence[int]
) -> list[Mover]:
    """Up to three things that move by themselves, where the pictures drawn have any."""
    movers = []
    for _ in range(min(int(rng.poisson(MOVERS)), 3) if moving else 0):
        image, label = read(rng)
        mask = find_thing(label, moving, rng)
        if mask is not None:
            movers.append(Mover(recolour(image, 0.25, rng), label, mask, own_path(mask, camera, rng)))
    return movers


def _half_label(label: U8, pose: F64, size_wh: tuple[int, int]) -> U8:
    half_wh = size_wh[0] // 2, size_wh[1] // 2
    half: U8 = cv2.warpAffine(label, (_HALF @ pose)[:2], half_wh, flags=cv2.INTER_NEAREST, borderValue=IGNORE)
    return half


def _motion(
    camera: Sequence[F64], movers: Sequence[Mover], size_wh: tuple[int, int]
) -> tuple[list[F32], list[BOOL]]:
    """Exact flow of each frame, and which of its cells the last frame showed too."""
    width, height = cells(size_wh)
    truth, known, owners = list[F32](), list[BOOL](), list[U8]()
    for t, pose in enumerate(camera):
        owner = np.zeros((height, width), np.uint8)
        flow = flow_between(camera[max(t - 1, 0)], pose, size_wh)
        for number, mover in enumerate(movers, 1):
            covered = cells_of(mover, t, size_wh)
            owner[covered] = number
            own = flow_between(mover.path[max(t - 1, 0)], mover.path[t], size_wh)
            flow = np.where(covered, own, flow)
        truth.append(flow)
        owners.append(owner)
        known.append(warp_labels(owners[max(t - 1, 0)], flow.transpose(1, 2, 0)) == owner)
    return truth, known


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


def _measured(
    motion: OpticalFlow, lumas: list[U8], truth: F32, settings: StabiliseRecipe, rng: np.random.Generator
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
