"""Graphs that every backend takes, and those that one would not."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from streamseg.errors import TrainingError
from streamseg.inference.packages.package import find_packages
from streamseg.training.export.compatibility import OPERATORS, check_portability

SHIPPED = [path for found in find_packages() for path in sorted(found.path.glob("*.onnx"))]


def graph(
    operator: str = "Relu",
    *,
    opset: int = 17,
    dims: tuple[Any, ...] = ("N", 3),
    kind: int = TensorProto.FLOAT,
) -> Any:
    values = [helper.make_tensor_value_info(name, kind, dims) for name in ("x", "y")]
    node = helper.make_node(operator, ["x"], ["y"])
    model = helper.make_graph([node], "tiny", values[:1], values[1:])
    return helper.make_model(model, opset_imports=[helper.make_opsetid("", opset)])


def test_what_ships_is_portable() -> None:
    assert {path.name for path in SHIPPED} >= {"segmenter.onnx", "stabiliser.onnx", "readout.onnx"}
    for path in SHIPPED:
        check_portability(onnx.load(path), path.name)


def test_a_plain_graph_is_portable() -> None:
    check_portability(graph(), "tiny.onnx")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (graph(opset=16), r"tiny\.onnx: opset 16: must be 17 to 20"),
        (
            graph("NonZero"),
            r"tiny\.onnx: operators NonZero: not taken by ONNX Runtime, OpenVINO",
        ),
        (graph(dims=(1, 3)), "x: its first dimension must be open"),
        (graph(dims=()), "x: its first dimension must be open"),
        (graph(dims=("N", "width")), "y: its dimensions but the batch must be fixed"),
        (graph(kind=TensorProto.INT64), "x: is int64; what goes in and out must be float32 or uint8"),
    ],
)
def test_what_some_backend_would_refuse_is_said(model: Any, reason: str) -> None:
    with pytest.raises(TrainingError, match=reason):
        check_portability(model, "tiny.onnx")


def test_every_reason_is_told_at_once() -> None:
    model = graph("NonZero", opset=16)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    model.graph.initializer.append(TensorProto(name="w", data_location=TensorProto.EXTERNAL))
    with pytest.raises(TrainingError) as caught:
        check_portability(model, "tiny.onnx")
    for part in ("opset 16", "com.microsoft", "NonZero", "w: its weights lie in another file"):
        assert part in str(caught.value)
    assert len(str(caught.value).splitlines()) == 5


def test_onnx_knows_every_operator_on_the_list() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    assert known >= OPERATORS
    assert not OPERATORS & {"If", "Loop", "Scan", "NonZero", "RandomNormal"}
