from __future__ import annotations

import numpy as np
import onnx

from streamseg.inference.backends.tensorrt.fp16 import halve
from tests.inference.backends.tensorrt.graphs import FLOAT, HALF, model, node, random, read, run, types

X = ("x", FLOAT, ["N", 2, 8, 8])
Y = ("y", FLOAT, ["N", 3, 8, 8])


def halved(graph: onnx.ModelProto) -> bytes:
    """The graph in half precision; its bytes are checked by ONNX."""
    halve(onnx.shape_inference.infer_shapes(graph), graph)
    onnx.checker.check_model(graph, full_check=True)
    content: bytes = graph.SerializeToString()
    return content


def kinds_of(content: bytes, op: str) -> list[set[int]]:
    """Of each node of an operator, the types of all it takes and gives."""
    kinds = types(content)
    return [
        {kinds[n] for n in (*e.input, *e.output) if n} for e in read(content).graph.node if e.op_type == op
    ]


def test_only_what_lies_between_two_convolutions_is_halved() -> None:
    graph = model(
        [
            node("Sigmoid", "x", "before"),
            node("Conv", "before w", "one"),
            node("Clip", "one low high", "clipped"),
            node("Conv", "clipped v", "two"),
            node("Tanh", "two", "y"),
        ],
        [X],
        [Y],
        w=random(3, 2, 1, 1),
        v=random(3, 3, 1, 1),
        low=np.zeros((), np.float32),
        high=np.float32(np.finfo(np.float32).max) * np.ones((), np.float32),
    )
    plain = graph.SerializeToString()
    content = halved(graph)
    assert kinds_of(content, "Conv") == [{HALF}, {HALF}]
    assert kinds_of(content, "Clip") == [{HALF}]
    assert kinds_of(content, "Sigmoid") == kinds_of(content, "Tanh") == [{FLOAT}]
    x = random(1, 2, 8, 8)
    np.testing.assert_allclose(run(content, {"x": x})["y"], run(plain, {"x": x})["y"], atol=0.01)


def test_a_tensor_read_on_both_sides_is_cast_once_each_way() -> None:
    graph = model(
        [
            node("Conv", "x w", "one"),
            node("Conv", "one v", "two"),
            node("Conv", "one v", "three"),
            node("Softmax", "one", "soft"),
            node("Sum", "two three soft", "y"),
        ],
        [X],
        [Y],
        w=random(3, 2, 1, 1),
        v=random(3, 3, 1, 1),
    )
    content = halved(graph)
    casts = [tuple(entry.output) for entry in read(content).graph.node if entry.op_type == "Cast"]
    assert sorted(casts) == [("one",), ("three",), ("two",), ("x__half",)]
    assert sum(weight.name == "v__half" for weight in read(content).graph.initializer) == 1


def test_an_output_between_convolutions_is_given_in_float() -> None:
    graph = model(
        [node("Conv", "x w", "y"), node("Conv", "y v", "z")],
        [X],
        [Y, ("z", FLOAT, ["N", 3, 8, 8])],
        w=random(3, 2, 1, 1),
        v=random(3, 3, 1, 1),
    )
    assert types(halved(graph))["y"] == FLOAT


def test_scales_of_a_resize_stay_float() -> None:
    graph = model(
        [
            node("Conv", "x w", "one"),
            onnx.helper.make_node("Resize", ["one", "", "scales"], ["large"], mode="linear"),
            node("Conv", "large v", "y"),
        ],
        [X],
        [("y", FLOAT, ["N", 3, 16, 16])],
        w=random(3, 2, 1, 1),
        v=random(3, 3, 1, 1),
        scales=np.array([1, 1, 2, 2], np.float32),
    )
    content = halved(graph)
    assert kinds_of(content, "Resize") == [{HALF, FLOAT}]
    assert types(content)["scales"] == FLOAT
    assert run(content, {"x": random(1, 2, 8, 8)})["y"].shape == (1, 3, 16, 16)


def test_a_graph_without_convolutions_is_left_alone() -> None:
    graph = model([node("Relu", "x", "y")], [X], [("y", FLOAT, ["N", 2, 8, 8])])
    before = graph.SerializeToString()
    assert halved(graph) == before
