from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from streamseg.errors import PackageError
from streamseg.inference.backends.tensorrt.build import Batches, BuildRequest, build_plan
from streamseg.inference.backends.tensorrt.prepare import prepared
from streamseg.inference.packages.package import Package, open_package
from streamseg.quantise.frames import gather
from streamseg.quantise.quantiser import Quantiser
from streamseg.training.export.compatibility import check_portability
from streamseg.types import U8


@pytest.fixture
def quantiser(package: Package, pictures: list[U8], tmp_path: Path) -> Quantiser:
    return Quantiser(package.path / "segmenter.onnx", pictures, tmp_path)


def logits(model: onnx.ModelProto, picture: U8) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(["logits"], {"image": picture[None]})[0]
    return result


def test_its_graph_says_nearly_the_same(quantiser: Quantiser, pictures: list[U8]) -> None:
    exact, coarse = logits(quantiser.float, pictures[0]), logits(quantiser.quantised(), pictures[0])
    assert 0.0 < np.abs(coarse - exact).max() < 0.1 * np.ptp(exact)


def test_its_graph_is_of_the_form_that_all_runtimes_take(quantiser: Quantiser) -> None:
    model = quantiser.quantised()
    check_portability(model, "segmenter-int8.onnx")
    counts = Counter(node.op_type for node in model.graph.node)
    assert counts["QuantizeLinear"] == counts["Conv"] == 2, "one for the input of each convolution"
    assert counts["DequantizeLinear"] == 4, "their inputs, and their weights, which are stored in int8"
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            zero = tensors[node.input[2]]
            assert zero.data_type == TensorProto.INT8
            assert not numpy_helper.to_array(zero).any(), "TensorRT takes symmetric int8 alone"
    biases = [tensors[node.input[2]] for node in model.graph.node if node.op_type == "Conv"]
    assert {bias.data_type for bias in biases} == {TensorProto.FLOAT}


def test_weights_have_a_scale_for_each_channel(quantiser: Quantiser) -> None:
    model = quantiser.quantised()
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    scales = [
        tensors[node.input[1]]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in tensors
    ]
    assert sorted(scale.size for scale in scales) == [5, 8]


def test_weights_take_seven_bits(quantiser: Quantiser) -> None:
    """So that sums of two products fit 16 bits, which is all that processors without VNNI have for them."""
    tensors = [numpy_helper.to_array(tensor) for tensor in quantiser.quantised().graph.initializer]
    weights = [tensor for tensor in tensors if tensor.dtype == np.int8 and tensor.ndim > 1]
    assert len(weights) == len(quantiser.layers)
    assert max(np.abs(weight.astype(int)).max() for weight in weights) == 64


def test_layers_can_be_left_in_float(quantiser: Quantiser, pictures: list[U8]) -> None:
    first, last = quantiser.layers
    kinds = [Counter(n.op_type for n in quantiser.quantised([name]).graph.node) for name in (first, last)]
    assert [kind["QuantizeLinear"] for kind in kinds] == [1, 1]
    np.testing.assert_allclose(
        logits(quantiser.quantised([last]), pictures[1]),
        logits(quantiser.only(first), pictures[1]),
        atol=0.02,
    )
    nothing = quantiser.quantised([first, last])
    np.testing.assert_allclose(
        logits(nothing, pictures[1]), logits(quantiser.float, pictures[1]), rtol=0.01, atol=0.01
    )


def test_ranges_are_measured_once(package: Package, pictures: list[U8], tmp_path: Path) -> None:
    seen: list[None] = []
    quantiser = Quantiser(package.path / "segmenter.onnx", pictures, tmp_path, lambda: seen.append(None))
    quantiser.quantised()
    quantiser.only(quantiser.layers[0])
    assert len(seen) == len(pictures)


@pytest.mark.data
def test_the_shipped_segmenter(camvid: Path, tmp_path: Path) -> None:
    package = open_package("camvid-lite0")
    pictures = gather([str(camvid / "train")], 8, package.manifest.size_wh, 1.0, lambda *_: None)
    quantiser = Quantiser(package.path / "segmenter.onnx", pictures[:3], tmp_path)
    model = quantiser.quantised()
    check_portability(model, "segmenter-int8.onnx")
    counts = Counter(node.op_type for node in model.graph.node)
    assert counts["Conv"] == len(quantiser.layers) == counts["DequantizeLinear"] - counts["QuantizeLinear"]
    assert counts["Cast"] == 1, "of the picture: no weight is left in float"
    exact, coarse = (logits(one, pictures[5]).argmax(1) for one in (quantiser.float, model))
    assert np.mean(exact == coarse) > 0.95


@pytest.mark.real
@pytest.mark.tree
def test_tensorrt_builds_the_shipped_segmenter_in_int8(tmp_path: Path) -> None:
    """By TensorRT-RTX, which builds without a GPU; with ranges of noise, since nothing of it is run."""
    trt = pytest.importorskip("tensorrt_rtx", reason="not installed: pip install 'streamseg[tensorrt-rtx]'")
    package = open_package("camvid-lite0")
    width, height = package.manifest.size_wh
    noise = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    model = Quantiser(package.path / "segmenter.onnx", list(noise), tmp_path).quantised()
    content = prepared(model.SerializeToString(), "segmenter-int8.onnx", "int8")
    gpus = ((8, 6), (8, 9), (12, 0))
    request = BuildRequest(content, "camvid-lite0/segmenter", "int8", Batches(1, 1, 4), capabilities=gpus)
    assert len(build_plan(trt, request).plan) > 1e6


def test_a_graph_without_layers_is_told(pictures: list[U8], tmp_path: Path) -> None:
    node = helper.make_node("Cast", ["image"], ["logits"], to=TensorProto.FLOAT)
    sides = [
        helper.make_tensor_value_info(name, kind, ["N", 48, 64, 3])
        for name, kind in (("image", TensorProto.UINT8), ("logits", TensorProto.FLOAT))
    ]
    graph = helper.make_graph([node], "bare", sides[:1], sides[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "bare.onnx")
    with pytest.raises(PackageError, match=r"bare\.onnx: no layer with weights"):
        Quantiser(tmp_path / "bare.onnx", pictures, tmp_path)


def test_a_picture_of_another_size_is_told(package: Package, pictures: list[U8], tmp_path: Path) -> None:
    wrong = [picture[:, :32] for picture in pictures]
    with pytest.raises(PackageError, match=r"segmenter\.onnx: cannot be quantised"):
        Quantiser(package.path / "segmenter.onnx", wrong, tmp_path)
