from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from streamseg.convert.network import OLDEST, read_network
from streamseg.convert.options import ConvertOptions, Layout
from streamseg.errors import PackageError
from tests.fakes.networks import Foreign, make_network, save_network

ASKED = ConvertOptions(("a", "b", "c", "d"))


def saved(path: Path, inputs: list[Any], outputs: list[Any] | None = None) -> Path:
    """A network that hands its first input on, however strange its ends."""
    named = outputs or [helper.make_tensor_value_info("y", inputs[0].type.tensor_type.elem_type, None)]
    nodes = [helper.make_node("Identity", [inputs[0].name], [entry.name]) for entry in named]
    graph = helper.make_graph(nodes, "odd", inputs, named)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def value(name: str, *shape: int | str, kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.mark.parametrize("layout", list(Layout))
def test_its_ends_are_found(layout: Layout, tmp_path: Path) -> None:
    network = read_network(save_network(tmp_path / "n.onnx", Foreign(layout=layout.value)), ASKED)
    assert (network.image, network.answer) == ("pixels", "answer:0")
    assert (network.layout, network.size_wh, network.image_type) == (layout, (64, 48), TensorProto.FLOAT)


def test_an_old_network_is_brought_up_to_date(tmp_path: Path) -> None:
    network = read_network(save_network(tmp_path / "n.onnx", Foreign(opset=9)), ASKED)
    assert network.model.opset_import[0].version >= OLDEST


def test_one_that_cannot_be_is_told_as_such(tmp_path: Path) -> None:
    model = make_network(Foreign(opset=9))
    model.graph.node[0].op_type = "Upsample"  # of which no later opset knows anything
    onnx.save(model, tmp_path / "n.onnx")
    with pytest.raises(PackageError, match=r"is of opset 9, .*; export it again with opset 17"):
        read_network(tmp_path / "n.onnx", ASKED)


def test_weights_listed_among_the_inputs_are_none(tmp_path: Path) -> None:
    model = make_network(Foreign())
    model.graph.input.append(value("w", 4, 3, 4, 4))
    onnx.save(model, tmp_path / "n.onnx")
    assert read_network(tmp_path / "n.onnx", ASKED).image == "pixels"


def test_one_of_several_outputs_is_asked_for(tmp_path: Path) -> None:
    picture = value("x", "n", 3, 48, 64)
    path = saved(tmp_path / "n.onnx", [picture], [value("out", "n", 3, 48, 64), value("aux", "n", 3, 48, 64)])
    assert read_network(path, ConvertOptions(("a", "b", "c"), tensor="aux")).answer == "aux"
    with pytest.raises(PackageError, match=r"gives 2 tensors \(out, aux\); say which with --tensor out"):
        read_network(path, ASKED)
    with pytest.raises(PackageError, match="has no output 'main', only out, aux"):
        read_network(path, ConvertOptions(("a",), tensor="main"))


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ([value("x", 1, 3, 48, 64), value("past", 1, 8, 12, 16)], r"takes 2 tensors \(x, past\); only"),
        ([value("x", 1, 3, 48)], "'x' is float of 3 dimensions, not pictures"),
        ([value("x", 1, 3, 48, 64, kind=TensorProto.INT64)], "'x' is int64 of 4 dimensions"),
        ([value("x", 1, "c", "h", "w")], "does not tell where its colours are; say --layout nchw or nhwc"),
        ([value("x", 1, 3, 48, 3)], "does not tell where its colours are"),
        ([value("x", 1, 1, 48, 64)], "does not tell where its colours are"),
        ([value("x", 1, 3, "h", "w")], "takes pictures of any size; say which: --size 640x480"),
    ],
)
def test_what_it_cannot_be_fed_is_told(inputs: list[Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=problem):
        read_network(saved(tmp_path / "n.onnx", inputs), ASKED)


def test_a_layout_that_is_wrong_is_told(tmp_path: Path) -> None:
    path = save_network(tmp_path / "n.onnx", Foreign())
    with pytest.raises(PackageError, match="has no three channels as nhwc"):
        read_network(path, ConvertOptions(("a",), layout=Layout.NHWC))


def test_bytes_are_not_normalised(tmp_path: Path) -> None:
    path = save_network(tmp_path / "n.onnx", Foreign(kind=TensorProto.UINT8))
    with pytest.raises(PackageError, match="takes bytes as they are; leave --mean, --std and --scale out"):
        read_network(path, ConvertOptions(("a",), mean=(0.5, 0.5, 0.5)))


@pytest.mark.parametrize("content", [b"no graph at all", b"\x08\x08" * 50])
def test_another_file_is_no_network(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "n.onnx").write_bytes(content)
    with pytest.raises(PackageError, match=r"n\.onnx: "):
        read_network(tmp_path / "n.onnx", ASKED)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"n\.onnx: cannot be read: No such file"):
        read_network(tmp_path / "n.onnx", ASKED)
