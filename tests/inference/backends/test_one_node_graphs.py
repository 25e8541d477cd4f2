from __future__ import annotations

from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from streamseg.inference.backends.one_node_graphs import CONCAT, RELU, SUM


def floats(name: str, *shape: str | int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


PLANES = ("C", "H", "W")
GRAPHS = [
    (RELU, "probe", 13, helper.make_node("Relu", ["x"], ["y"]), [floats("x", 1)], floats("y", 1)),
    (
        SUM,
        "sum",
        11,
        helper.make_node("ReduceSum", ["x"], ["y"], axes=[1, 2, 3], keepdims=0),
        [floats("x", "N", *PLANES)],
        floats("y", "N"),
    ),
    (
        CONCAT,
        "concat",
        13,
        helper.make_node("Concat", ["a", "b"], ["y"], axis=0),
        [floats("a", "A", *PLANES), floats("b", "B", *PLANES)],
        floats("y", "N", *PLANES),
    ),
]


@pytest.mark.parametrize(("content", "name", "opset", "node", "inputs", "output"), GRAPHS)
def test_the_bytes_are_that_graph(
    content: bytes, name: str, opset: int, node: Any, inputs: list[Any], output: Any
) -> None:
    graph = helper.make_graph([node], name, inputs, [output])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(made)
    assert onnx.load_from_string(content) == made
