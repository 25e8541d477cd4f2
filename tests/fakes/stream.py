"""Masks without a camera or a network: what a daemon would offer its publisher."""

from __future__ import annotations

import time

import numpy as np

from streamseg.types import (
    ClassInfo,
    Clock,
    Frame,
    ModelInfo,
    Picture,
    PixelLayout,
    Segmentation,
    TemporalMode,
)

STREAM = "gate"
CLASSES = (ClassInfo(0, "road", (128, 64, 128)), ClassInfo(1, "car", (64, 0, 128)))
MODEL = ModelInfo("m", "1", "ab", "CC0-1.0", CLASSES, "fake", "f32", (64, 48))


def segmentation(seq: int) -> Segmentation:
    plane = np.full((48, 64), seq, np.uint8)
    picture = Picture(PixelLayout.GRAY, (plane,), (64, 48))
    frame = Frame(STREAM, seq, seq / 10, time.monotonic(), time.time(), Clock.HOST, picture)
    rgb = np.full((48, 64, 3), 100 + seq, np.uint8)
    labels = np.zeros((48, 64), np.uint8)
    labels[0, 0] = 1  # a speck of car
    ms = {"infer": 8.0, "stabilise": 2.0}
    return Segmentation(frame, labels, None, rgb, TemporalMode.NONE, reset=False, ms=ms, capture_drops=3)
