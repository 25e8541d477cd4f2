from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, checker, helper, numpy_helper

from streamseg.convert.scores import with_scores

SCORES = np.random.default_rng(0).normal(size=(1, 4, 5, 6)).astype(np.float32)


def network(nodes: list[Any], shape: tuple[int, ...] = (1, 4, 5, 6), kind: int = TensorProto.INT64) -> Any:
    """Nodes between a doubled input and `said`."""
    double = helper.make_node("Add", ["x", "x"], ["scores"])
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    said = [helper.make_tensor_value_info("said", kind, None)]
    axes = numpy_helper.from_array(np.array([1], np.int64), "one")
    flat = numpy_helper.from_array(np.array([1, -1], np.int64), "flat")
    graph = helper.make_graph([double, *nodes], "labels", ends, said, [axes, flat])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def computed(model: Any) -> NDArray[Any]:
    checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    result: NDArray[Any] = session.run(None, {"x": SCORES})[0]
    return result


def argmax(axis: int, said: str = "said", **more: int) -> Any:
    return helper.make_node("ArgMax", ["scores"], [said], axis=axis, **more)


@pytest.mark.parametrize(
    "nodes",
    [
        [argmax(1)],
        [argmax(-3, keepdims=0)],
        [argmax(3, keepdims=0)],
        [argmax(1, "ids"), helper.make_node("Cast", ["ids"], ["said"], to=TensorProto.UINT8)],
        [argmax(1, "ids"), helper.make_node("Squeeze", ["ids", "one"], ["said"])],
        [argmax(1, "ids"), helper.make_node("Reshape", ["ids", "flat"], ["said"])],
    ],
)
def test_labels_give_way_to_the_scores_they_are_an_argmax_of(nodes: list[Any]) -> None:
    model = network(nodes)
    whole = model.SerializeToString()
    found, name = with_scores(model, "said")
    assert name == "scores"
    assert [node.op_type for node in found.graph.node] == ["Add"]
    np.testing.assert_allclose(computed(found), 2 * SCORES)
    assert model.SerializeToString() == whole


@pytest.mark.parametrize(
    ("nodes", "shape"),
    [
        ([argmax(0)], (1, 4, 5, 6)),
        ([argmax(2)], (1, 4, 5, 6)),
        ([argmax(1)], (4, 5, 6)),
        ([argmax(1, "ids"), helper.make_node("Mul", ["ids", "ids"], ["said"])], (1, 4, 5, 6)),
        ([helper.make_node("Identity", ["scores"], ["said"])], (1, 4, 5, 6)),
    ],
)
def test_other_answers_are_left_alone(nodes: list[Any], shape: tuple[int, ...]) -> None:
    model = network(nodes, shape)
    assert with_scores(model, "said") == (model, "said")


def test_what_a_branch_takes_from_outside_is_kept() -> None:
    """`If` names no input for what its branches take."""
    branch = helper.make_graph(
        [helper.make_node("Neg", ["inner"], ["taken"])],
        "branch",
        [],
        [helper.make_tensor_value_info("taken", TensorProto.FLOAT, None)],
    )
    nodes = [
        helper.make_node("Abs", ["scores"], ["inner"]),
        helper.make_node("Constant", [], ["true"], value=numpy_helper.from_array(np.array(True))),
        helper.make_node("If", ["true"], ["chosen"], then_branch=branch, else_branch=branch),
        helper.make_node("Reshape", ["chosen", "shape"], ["planes"]),
        helper.make_node("ArgMax", ["planes"], ["said"], axis=1),
    ]
    model = network(nodes)
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 4, 5, 6], np.int64), "shape"))
    found, name = with_scores(model, "said")
    assert name == "planes"
    np.testing.assert_allclose(computed(found), -np.abs(2 * SCORES))
