"""Small graphs for the tests of this folder, and what ONNX Runtime makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FLOAT, HALF, UINT8 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8
Value = tuple[str, int, list[Any]]


def model(
    nodes: list[Any], inputs: list[Value], outputs: list[Value], **weights: NDArray[Any]
) -> onnx.ModelProto:
    """A graph of opset 17, checked by nobody."""
    sides = [[helper.make_tensor_value_info(*value) for value in side] for side in (inputs, outputs)]
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "graph", *sides, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    """A node; names separated by blanks."""
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def run(content: bytes, feeds: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Outputs by name."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def read(content: bytes) -> onnx.ModelProto:
    """A graph back from its bytes."""
    return onnx.load_model_from_string(content)


def ops(content: bytes) -> list[str]:
    """Its operators in order."""
    return [entry.op_type for entry in read(content).graph.node]


def types(content: bytes) -> dict[str, int]:
    """Element types of all its tensors, inferred."""
    graph = onnx.shape_inference.infer_shapes(read(content)).graph
    values = {v.name: v.type.tensor_type.elem_type for v in (*graph.value_info, *graph.input, *graph.output)}
    return values | {tensor.name: tensor.data_type for tensor in graph.initializer}


def random(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(sum(shape)).normal(0, 1, shape).astype(np.float32)
