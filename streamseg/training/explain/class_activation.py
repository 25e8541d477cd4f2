"""Evidence for a class: where in the picture its score comes from. Needs `onnx`, no torch.

Grad-CAM (Selvaraju et al. 2017) as Vinogradova et al. 2020 (Seg-Grad-CAM) put it for masks: the score y^c of
a class is the sum of its logits over the cells predicted as it, a channel A_k of an inner map weighs
w_k^c = mean over its cells of dy^c/dA_k, and the evidence is ReLU(Σ_k w_k^c A_k).

An ONNX graph keeps no gradients. But w_k^c is the derivative along one direction, that of adding the same to
every cell of A_k; so the part of the graph behind A is run with a little more and a little less of it, and
the central difference serves all classes at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from streamseg.errors import TrainingError
from streamseg.inference.backend import Settings
from streamseg.inference.backends import ort
from streamseg.training.explain.graph_split import IMAGE, LOGITS, crossings, part
from streamseg.types import BOOL, F32, U8

F64: TypeAlias = NDArray[np.float64]

STEP = 0.01  # of a channel's standard deviation: small beside its values, large beside float32's rounding
FLOOR = 0.1  # of the whole map's standard deviation: the least that counts as a channel's
SKEW = 0.2  # how far a map's proportions may be off the picture's: strides round its sides up


def gather(path: Path, settings: Settings, image: U8, cells: Mapping[int, BOOL]) -> tuple[list[F32], str]:
    """Gather evidence in a segmenter, at the best crossing that is a map of the picture.

    Args:
        path: The segmenter's file.
        settings: As for an engine.
        image: RGB `[H, W, 3]` uint8.
        cells: By class id, the cells of the logits `[h', w']` that are predicted as the class.

    Returns:
        Evidence for each class in turn, `[h, w]`, 0…1; and the tensor it was gathered at, for people.

    Raises:
        PackageError: A part of the graph cannot be loaded.
        EngineError: One fails.
        TrainingError: The graph has no such map.
    """
    model = onnx.load(path)
    picture = {IMAGE: helper.make_tensor_value_info(IMAGE, TensorProto.UINT8, image[None].shape)}
    name, features = _features(model, path, settings, image, picture)
    begins = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, features.shape), **picture}
    tail = part(model, begins, LOGITS).SerializeToString()
    with ort.opened(tail, path, settings) as graph:

        def run(changed: F32) -> F32:
            logits: F32 = graph.start({name: changed, IMAGE: image[None]}).result()[LOGITS]
            return logits

        weights = channel_weights(run, features, cells)
    return list(class_evidence(weights, features)), f"{name} {list(features.shape[1:])}"


def channel_weights(tail: Callable[[F32], F32], features: F32, cells: Mapping[int, BOOL]) -> F64:
    """Grad-CAM's weights w_k^c, by central differences.

    Args:
        tail: From `[1, K, h, w]` to logits `[1, C, h', w']`.
        features: The map A, `[1, K, h, w]`.
        cells: By class id, the cells `[h', w']` whose logits are summed to y^c.

    Returns:
        `[len(cells), K]`: mean over the cells of A_k of the derivative of each y^c.
    """
    spreads = features.std(axis=(0, 2, 3), dtype=np.float64)
    steps = STEP * np.maximum(spreads, FLOOR * features.std(dtype=np.float64) or 1.0)
    weights = np.zeros((len(cells), features.shape[1]))
    for channel, step in enumerate(steps):
        more, less = features.copy(), features.copy()
        more[:, channel] += step
        less[:, channel] -= step
        change = tail(more)[0].astype(np.float64) - tail(less)[0]
        taken = (more - less)[:, channel].sum(dtype=np.float64)  # rounding leaves not quite twice the step
        weights[:, channel] = [change[label][where].sum() / taken for label, where in cells.items()]
    return weights


def class_evidence(weights: F64, features: F32) -> F32:
    """ReLU(Σ_k w_k^c A_k), the largest of each class made 1.

    Args:
        weights: `[G, K]`.
        features: The map A, `[1, K, h, w]`.

    Returns:
        `[G, h, w]`; all 0 where nothing speaks for a class.
    """
    summed = np.maximum(np.tensordot(weights, features[0], axes=1), 0)
    tops = summed.max(axis=(1, 2), keepdims=True)
    shares: F32 = np.divide(summed, tops, out=np.zeros_like(summed), where=tops > 0).astype(np.float32)
    return shares


def _features(
    model: Any, path: Path, settings: Settings, image: U8, picture: Mapping[str, Any]
) -> tuple[str, F32]:
    """The best crossing that is a map of the picture, and what it holds."""
    for name in crossings(model):
        head = part(model, picture, name).SerializeToString()
        with ort.opened(head, path, settings) as graph:
            found = graph.start({IMAGE: image[None]}).result()[name]
        if _is_map(found, image):
            return name, found
    raise TrainingError(
        f"{path}: nowhere between picture and logits does all flow through one map [1, K, h, w], "
        "so there is nothing to gather evidence at"
    )


def _is_map(array: NDArray[Any], image: U8) -> bool:
    """Whether it is `[1, K, h, w]` float32 in the picture's proportions, which `[1, h, w, K]` is not."""
    if array.dtype != np.float32 or array.ndim != 4 or array.shape[1] < 2:
        return False
    height, width = array.shape[2:]
    return math.isclose(height / width, image.shape[0] / image.shape[1], rel_tol=SKEW)
