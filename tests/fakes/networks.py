"""Networks that were not made for streamseg, of each kind, with random but fixed weights, and what they say.

All are one convolution of 4×4 pixels, so that a few lines of NumPy (`reference_scores`) are their reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from streamseg.types import F32, U8

STRIDE = 4


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a network should look like.

    Attributes:
        says: `logits`, `softmax`, `labels`, `sigmoid` or `logit`.
        layout: `nchw` or `nhwc`, of its input; of its output where it has channels.
        classes: Channels of the convolution.
        size_wh: Of its picture; None: any.
        batch: 0: any.
        kind: Of its input (`TensorProto`).
        opset: Of its nodes.
    """

    says: str = "logits"
    layout: str = "nchw"
    classes: int = 4
    size_wh: tuple[int, int] | None = (64, 48)
    batch: int = 0
    kind: int = TensorProto.FLOAT
    opset: int = 17

    @property
    def weights(self) -> F32:
        """`[C, 3, 4, 4]`."""
        random = np.random.default_rng(self.classes)
        return random.normal(0, 0.2, (self.classes, 3, STRIDE, STRIDE)).astype(np.float32)

    @property
    def bias(self) -> F32:
        return np.linspace(-0.5, 0.5, self.classes).astype(np.float32)


def save_network(path: Path, foreign: Foreign) -> Path:
    """Writes the network; gives back the path."""
    onnx.save(make_network(foreign), path)
    return path


def make_network(foreign: Foreign) -> Any:
    """The network as an ONNX model."""
    nodes, last = _body(foreign)
    name, shape, kind = "answer:0", ["n", "c", "h", "w"], TensorProto.FLOAT
    match foreign.says:
        case "softmax":
            nodes.append(helper.make_node("Softmax", [last], ["said"], axis=1))
        case "labels":
            nodes.append(helper.make_node("ArgMax", [last], ["said"], axis=1, keepdims=0))
            shape, kind = ["n", "h", "w"], TensorProto.INT64
        case "sigmoid":
            nodes.append(helper.make_node("Sigmoid", [last], ["said"]))
        case _:
            nodes.append(helper.make_node("Identity", [last], ["said"]))
    packed = foreign.layout == "nhwc" and foreign.says != "labels"
    turn = helper.make_node("Transpose", ["said"], [name], perm=[0, 2, 3, 1])
    nodes.append(turn if packed else helper.make_node("Identity", ["said"], [name]))
    weights = [numpy_helper.from_array(v, k) for k, v in (("w", foreign.weights), ("b", foreign.bias))]
    outputs = [helper.make_tensor_value_info(name, kind, shape)]
    graph = helper.make_graph(nodes, "foreign", [_picture(foreign)], outputs, weights)
    opsets = [helper.make_opsetid("", foreign.opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def _picture(foreign: Foreign) -> Any:
    width, height = foreign.size_wh or ("width", "height")
    shape = [foreign.batch or "n", 3, height, width]
    if foreign.layout == "nhwc":
        shape = [shape[0], *shape[2:], 3]
    return helper.make_tensor_value_info("pixels", foreign.kind, shape)


def _body(foreign: Foreign) -> tuple[list[Any], str]:
    nodes = [helper.make_node("Cast", ["pixels"], ["real"], to=TensorProto.FLOAT)]
    planes = "real"
    if foreign.layout == "nhwc":
        nodes.append(helper.make_node("Transpose", ["real"], ["planes"], perm=[0, 3, 1, 2]))
        planes = "planes"
    if foreign.batch:  # as networks made for one batch size have it: a shape written down
        width, height = foreign.size_wh or (0, 0)
        shape = np.array([foreign.batch, 3, height, width], np.int64)
        nodes.append(helper.make_node("Constant", [], ["shape"], value=numpy_helper.from_array(shape)))
        nodes.append(helper.make_node("Reshape", [planes, "shape"], ["fixed"]))
        planes = "fixed"
    nodes.append(
        helper.make_node("Conv", [planes, "w", "b"], ["scores"], kernel_shape=[4, 4], strides=[4, 4])
    )
    return nodes, "scores"


def reference_scores(foreign: Foreign, pixels: NDArray[Any]) -> F32:
    """The convolution's `[N, C, h, w]`, of pictures `[N, H, W, 3]` as the network takes them."""
    batch, height, width, _ = pixels.shape
    cells = pixels.astype(np.float64).reshape(batch, height // STRIDE, STRIDE, width // STRIDE, STRIDE, 3)
    scores = np.einsum("nyixjk,ckij->ncyx", cells, foreign.weights.astype(np.float64))
    result: F32 = (scores + foreign.bias[:, None, None]).astype(np.float32)
    return result


def pictures(count: int, size_wh: tuple[int, int] = (64, 48), seed: int = 0) -> U8:
    """`[N, H, W, 3]` of noise."""
    width, height = size_wh
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)
