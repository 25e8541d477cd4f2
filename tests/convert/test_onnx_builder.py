from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from streamseg.convert.onnx_builder import IR_VERSION, OPSET, OnnxBuilder, checked
from streamseg.errors import PackageError


def model(nodes: OnnxBuilder, result: str) -> onnx.ModelProto:
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])
    target = helper.make_tensor_value_info(result, TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes.nodes, "made", [source], [target], nodes.constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def test_what_is_put_together_computes() -> None:
    nodes = OnnxBuilder("ours/")
    last = nodes.add("Gather", "x", nodes.i64(3), axis=0)
    total = nodes.add("Add", nodes.add("Mul", "x", nodes.f32([2, 2, 2, 1])), last, output="total")
    session = onnxruntime.InferenceSession(
        model(nodes, total).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (result,) = session.run(None, {"x": np.array([1, 2, 3, 4], np.float32)})
    np.testing.assert_array_equal(result, [6, 8, 10, 8])


def test_every_name_is_its_own() -> None:
    nodes = OnnxBuilder("ours/")
    names = [nodes.add("Relu", "x") for _ in range(3)] + [nodes.f32(1.0), nodes.f32([1.0]), nodes.i64(1)]
    assert len(set(names)) == 6
    assert all(name.startswith("ours/") for name in names)


def test_an_unsound_graph_is_told_by_its_name() -> None:
    nodes = OnnxBuilder("")
    nodes.add("Relu", "nowhere", output="y")
    target = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph(nodes.nodes, "broken", [], [target])
    unsound = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    with pytest.raises(PackageError, match="broken: no sound ONNX graph: "):
        checked(unsound)
