from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from streamseg.errors import PackageError
from streamseg.inference.packages.package import Package
from streamseg.quantise.fold import fold
from streamseg.training.export.fp16_weights import shrink_weights
from streamseg.types import U8


def run(model: onnx.ModelProto, feeds: dict[str, Any]) -> Any:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_it_computes_the_same(package: Package, pictures: list[U8]) -> None:
    path = package.path / "segmenter.onnx"
    folded, feeds = fold(path), {"image": pictures[0][None]}
    np.testing.assert_allclose(run(folded, feeds), run(onnx.load(path), feeds), rtol=1e-5, atol=1e-5)
    names = [node.name for node in folded.graph.node]
    assert len(set(names)) == len(names)
    assert all(names)
    assert [imported.domain for imported in folded.opset_import] == [""]


def test_weights_in_half_precision_are_unfolded(tmp_path: Path) -> None:
    model = padded(pads=[0] * 8, channels=30)
    shrink_weights(model)
    assert "Cast" in operators(model)
    folded = fold(saved(model, tmp_path))
    assert operators(folded) == ["Conv"]
    (weight,) = (tensor for tensor in folded.graph.initializer if len(tensor.dims) == 4)
    assert weight.data_type == TensorProto.FLOAT


def padded(
    pads: list[int], *, channels: int = 2, mode: str = "constant", value: float | None = None
) -> onnx.ModelProto:
    """A Pad, as PyTorch writes it (no value: zero), and a convolution that pads by one itself."""
    weight = np.random.default_rng(0).normal(size=(channels, 2, 3, 3)).astype(np.float32)
    constants = {"pads": np.array(pads), "weight": weight}
    if value is not None:
        constants["value"] = np.array(value, np.float32)
    nodes = [
        helper.make_node("Pad", ["x", "pads", "" if value is None else "value"], ["wide"], mode=mode),
        helper.make_node("Conv", ["wide", "weight"], ["y"], pads=[1, 1, 1, 1]),
    ]
    sides = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2, 6, 6]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph(nodes, "padded", sides[:1], sides[1:])
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(model, folder / "graph.onnx")
    return folder / "graph.onnx"


@pytest.mark.parametrize("value", [None, 0.0])
def test_zeros_around_planes_move_into_the_convolution(tmp_path: Path, value: float | None) -> None:
    model = padded([0, 0, 0, 1, 0, 0, 2, 3], value=value)
    folded = fold(saved(model, tmp_path))
    assert operators(folded) == ["Conv"]
    x = np.random.default_rng(1).normal(size=(1, 2, 6, 6)).astype(np.float32)
    np.testing.assert_allclose(run(folded, {"x": x}), run(model, {"x": x}), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "other",
    [
        padded([0, 1, 0, 0, 0, -1, 0, 0]),
        padded([0, 0, -1, 0, 0, 0, 1, 0]),
        padded([0, 0, 1, 1, 0, 0, 1, 1], value=2.0),
        padded([0, 0, 1, 1, 0, 0, 1, 1], mode="reflect"),
    ],
    ids=["channels", "cropping", "not zero", "mirrored"],
)
def test_other_padding_stays(other: onnx.ModelProto, tmp_path: Path) -> None:
    folded = fold(saved(other, tmp_path))
    assert operators(folded) == ["Pad", "Conv"]
    x = np.random.default_rng(1).normal(size=(1, 2, 6, 6)).astype(np.float32)
    np.testing.assert_allclose(run(folded, {"x": x}), run(other, {"x": x}), rtol=1e-5, atol=1e-5)


def test_padding_that_others_read_too_stays(tmp_path: Path) -> None:
    model = padded([0, 0, 1, 1, 0, 0, 1, 1])
    model.graph.node.append(helper.make_node("Neg", ["wide"], ["z"]))
    model.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, None))
    assert "Pad" in operators(fold(saved(model, tmp_path)))


def test_what_is_no_graph_is_told(tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    path.write_bytes(b"no graph at all")
    with pytest.raises(PackageError, match=r"graph\.onnx: ONNX Runtime cannot fold it"):
        fold(path)
