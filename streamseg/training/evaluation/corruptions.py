"""Pictures as bad as they get: sensor noise, darkness, a thin line, lost frames.

The same stress gives the same pictures every time (seeded by the place of a frame in its clip, H.264 on one
thread), and nothing is read before it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np

from streamseg.errors import TrainingError
from streamseg.training.augment.transforms import add_noise
from streamseg.training.data.dataset import Shot
from streamseg.types import U8

NOISE_SIGMA = 25.0
DARKNESS = 0.35
DARK_SIGMA = 10.0
H264_BIT_S = 100_000


class Stress(StrEnum):
    """What happens to a picture between the scene and the model."""

    NOISE = "noise"  # σ 25 of 255
    DARK = "dark"  # ×0.35, and the noise that comes with it, σ 10
    H264 = "h264"  # 100 kbit/s
    LOST = "lost"  # every third frame


def stresses(*, clip: bool) -> list[Stress]:
    """The stresses that mean something: stills cannot lose frames."""
    return [stress for stress in Stress if clip or stress is not Stress.LOST]


def stressed(
    taken: Iterator[Shot], stress: Stress, *, clip: bool, fps: float = 15.0, seed: int = 0
) -> Iterator[Shot]:
    """The shots with their images under a stress; scene and truth stay, lost frames are left out.

    Args:
        taken: In order.
        stress: What happens.
        clip: The shots follow each other; else each is the first frame of an H.264 stream of its own.
        fps: Rate of the stream, frames a second.
        seed: Of the noise.

    Raises:
        TrainingError: PyAV has no H.264 encoder.
    """
    match stress:
        case Stress.NOISE:
            return (replace(s, image=_noisy(s.image, NOISE_SIGMA, seed, s.index)) for s in taken)
        case Stress.DARK:
            return (replace(s, image=_dark(s.image, seed, s.index)) for s in taken)
        case Stress.H264:
            return _compressed(taken, clip=clip, fps=fps)
        case Stress.LOST:
            return (s for s in taken if s.index % 3 != 2)


def _noisy(image: U8, sigma: float, seed: int, index: int) -> U8:
    return add_noise(image, sigma, np.random.default_rng((seed, index)))


def _dark(image: U8, seed: int, index: int) -> U8:
    dark: U8 = cv2.convertScaleAbs(image, alpha=DARKNESS)
    return _noisy(dark, DARK_SIGMA, seed, index)


def _compressed(taken: Iterator[Shot], *, clip: bool, fps: float) -> Iterator[Shot]:
    line: H264Line | None = None
    for shot in taken:
        if line is None or not clip or line.shape != shot.image.shape:
            line = H264Line(shot.image.shape, fps)
        yield replace(shot, image=line.send(shot.image))


class H264Line:
    """A camera's encoder and a receiver's decoder joined in memory, without delay.

    Args:
        shape: Of the pictures, `[H, W, 3]`.
        fps: Frames a second, which share the bits of a second.
        bit_s: Bits a second.

    Raises:
        TrainingError: PyAV has no H.264 encoder.
    """

    def __init__(self, shape: tuple[int, ...], fps: float, bit_s: int = H264_BIT_S) -> None:
        self.shape = shape
        self._sent = 0
        self._encoder = _encoder(shape, fps, bit_s)
        self._decoder: Any = av.CodecContext.create("h264", "r")
        self._decoder.thread_count = 1  # threads of frames would hold pictures back

    def send(self, image: U8) -> U8:
        """What arrives of an RGB picture `[H, W, 3]`; a new array."""
        height, width = self.shape[:2]
        even = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        frame = av.VideoFrame.from_ndarray(even, "rgb24").reformat(format="yuv420p")
        frame.pts = self._sent
        self._sent += 1
        arrived = [f for packet in self._encoder.encode(frame) for f in self._decoder.decode(packet)]
        received: U8 = arrived[-1].to_ndarray(format="rgb24")[:height, :width]
        return np.ascontiguousarray(received)


def _encoder(shape: tuple[int, ...], fps: float, bit_s: int) -> Any:
    try:
        encoder: Any = av.CodecContext.create("libx264", "w")
    except ValueError as error:
        raise TrainingError(
            "the h264 stress needs PyAV with libx264: pip install --force-reinstall av"
        ) from error
    encoder.height, encoder.width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = Fraction(fps).limit_denominator(1000)
    encoder.time_base = 1 / encoder.framerate
    encoder.bit_rate = bit_s
    encoder.thread_count = 1
    # what a camera does: a key frame every two seconds, no frame kept back, half a second of bits at most
    encoder.gop_size = max(round(2 * fps), 1)
    limits = {"maxrate": str(bit_s), "bufsize": str(bit_s // 2)}
    encoder.options = {"preset": "veryfast", "tune": "zerolatency", **limits}
    return encoder
