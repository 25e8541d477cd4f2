"""A package that ships says the same on every backend; one that pads otherwise is another model."""

from __future__ import annotations

from contextlib import closing

import cv2
import numpy as np
import pytest

from streamseg.inference.backend import BackendName
from streamseg.inference.package import open_package
from streamseg.inference.select import load_engine
from streamseg.types import F32, U8


def picture(seed: int, size_wh: tuple[int, int]) -> U8:
    """Soft patches of colour `[H, W, 3]`: few scores lie so close that rounding decides."""
    patches = np.random.default_rng(seed).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    soft: U8 = cv2.resize(patches, size_wh, interpolation=cv2.INTER_CUBIC)
    return soft


def logits(name: str, backend: BackendName) -> list[F32]:
    package = open_package(name)
    with closing(load_engine(package, backend, "f32")) as engine:
        pictures = (picture(seed, package.manifest.size_wh) for seed in range(3))
        return [engine.start(one[None]).logits() for one in pictures]


@pytest.mark.parametrize("name", ["camvid-lite0", "camvid-lite0-640"])
def test_backends_agree(name: str) -> None:
    for one, other in zip(logits(name, "openvino"), logits(name, "onnxruntime"), strict=True):
        assert np.abs(one - other).max() == pytest.approx(0, abs=1e-3)
        assert (one.argmax(1) == other.argmax(1)).mean() > 0.9999
