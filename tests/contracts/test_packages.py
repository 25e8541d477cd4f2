"""The package that ships says the same on every backend; one that pads otherwise is another model."""

from __future__ import annotations

from contextlib import closing

import cv2
import numpy as np
import pytest

from streamseg.inference.backend import BackendName
from streamseg.inference.package import open_package
from streamseg.inference.select import load_engine
from streamseg.types import F32, U8

NAME = "camvid-lite0"


def picture(seed: int) -> U8:
    """Soft patches of colour `[360, 480, 3]`: few scores lie so close that rounding decides."""
    patches = np.random.default_rng(seed).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    soft: U8 = cv2.resize(patches, (480, 360), interpolation=cv2.INTER_CUBIC)
    return soft


def logits(backend: BackendName) -> list[F32]:
    with closing(load_engine(open_package(NAME), backend, "f32")) as engine:
        return [engine.start(picture(seed)[None]).logits() for seed in range(3)]


def test_backends_agree() -> None:
    for one, other in zip(logits("openvino"), logits("onnxruntime"), strict=True):
        assert np.abs(one - other).max() == pytest.approx(0, abs=1e-3)
        assert (one.argmax(1) == other.argmax(1)).mean() > 0.9999
