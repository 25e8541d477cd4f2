"""Weights stored in half precision: half the file, float32 arithmetic."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

_SMALL = 256  # elements; smaller weights (biases, gate offsets) stay in float32


def shrink_weights(model: Any, names: Collection[str] | None = None) -> None:
    """Store large float32 weights as float16 with a Cast behind each.

    OpenVINO and ONNX Runtime fold the casts when they load the graph.

    Args:
        model: An `onnx.ModelProto`.
        names: Only these; None: all. The scales of a quantised graph, say, must stay as they are.
    """
    graph = model.graph
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _SMALL:
            continue
        if names is not None and tensor.name not in names:
            continue
        half = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}_f16")
        graph.initializer.remove(tensor)
        graph.initializer.append(half)
        cast = onnx.helper.make_node("Cast", [half.name], [tensor.name], to=onnx.TensorProto.FLOAT)
        graph.node.insert(0, cast)
