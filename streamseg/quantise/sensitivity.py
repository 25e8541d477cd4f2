"""Which layers quantise worst, by what each alone does to the output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx

from streamseg.inference.backend import Settings
from streamseg.inference.backends.ort import opened
from streamseg.inference.cpu_info import physical_cores
from streamseg.quantise.quantiser import Quantiser
from streamseg.types import F32, U8


def worst_first(
    quantiser: Quantiser, pictures: Sequence[U8], tell: Callable[[], None] = lambda: None
) -> list[str]:
    """The layers, the most harmful first.

    Args:
        quantiser: Of the segmenter.
        pictures: RGB `[H, W, 3]` uint8; a few tell enough.
        tell: Called after each layer.
    """
    exact = _logits(quantiser.float, pictures)
    harm: dict[str, float] = {}
    for layer in quantiser.layers:
        harm[layer] = relative_error(exact, _logits(quantiser.only(layer), pictures))
        tell()
    return sorted(harm, key=lambda layer: -harm[layer])


def relative_error(exact: F32, coarse: F32) -> float:
    """Mean square difference over the variance of what is exact; infinity where a value is not finite."""
    error = float(np.mean((exact - coarse) ** 2) / (np.var(exact) + np.finfo(np.float32).tiny))
    return error if np.isfinite(error) else float("inf")


def _logits(model: onnx.ModelProto, pictures: Sequence[U8]) -> F32:
    settings = Settings("f32", physical_cores(), None)
    with opened(model.SerializeToString(), Path("segmenter.onnx"), settings) as graph:
        found = [graph.start({"image": picture[None]}).result()["logits"] for picture in pictures]
    return np.concatenate(found)
