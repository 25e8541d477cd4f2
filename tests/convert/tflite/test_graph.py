"""What becomes of a file's scales, and of pictures, in both forms of a graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from streamseg.convert.tflite.graph import Form
from streamseg.convert.tflite.operators import read_tflite
from tests.convert.test_quantized import CASES, KINDS, by_ort, picture, saved
from tests.fakes.quantized import STEP, ZERO, Quantized
from tests.fakes.tflite import Scale


@pytest.mark.parametrize(("kind", "axis"), [("int8", 0), ("uint8", None)])
def test_weights_stay_integers_with_the_files_own_scales(kind: str, axis: int | None, tmp_path: Path) -> None:
    path, *_ = saved(kind, CASES["CONV_2D same"], tmp_path)
    graph = read_tflite(path, Form.QDQ).graph
    constants = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    (conv,) = (node for node in graph.node if node.op_type == "Conv")
    (behind,) = (node for node in graph.node if conv.input[1] in node.output)
    stored, scale, zero = (constants[name] for name in behind.input)
    assert behind.op_type == "DequantizeLinear"
    assert (stored.dtype, zero.dtype, stored.shape) == (np.dtype(kind), np.dtype(kind), (5, 3, 3, 3))
    assert scale.shape == (() if axis is None else (5,))
    assert [entry.i for entry in behind.attribute if entry.name == "axis"] == ([] if axis is None else [axis])


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_mean_what_the_input_says_unless_the_user_says_otherwise(kind: str, tmp_path: Path) -> None:
    path, shape, _ = saved(kind, CASES["RELU"], tmp_path)
    image = picture(shape)
    real = (image.astype(np.float64) - (128 if kind == "int8" else 0) - ZERO[kind]) * STEP
    for form in Form:
        np.testing.assert_allclose(by_ort(path, image, form), real.clip(0), atol=1e-5)
    given = np.linspace(-8, 8, image.size, dtype=np.float32).reshape(shape)  # some beyond the range
    taken = by_ort(path, given, Form.QDQ, real_input=True)
    low, high = ((end - ZERO[kind]) * STEP for end in (np.iinfo(kind).min, np.iinfo(kind).max))
    np.testing.assert_allclose(taken, given.clip(max(low, 0), high), atol=STEP / 2 + 1e-5)
    np.testing.assert_allclose(taken / STEP, np.rint(taken / STEP), atol=1e-3)


@pytest.mark.parametrize("name", ["RESHAPE", "MAXIMUM"])
def test_what_only_moves_numbers_is_cut_off_where_its_range_is_narrower(name: str, tmp_path: Path) -> None:
    net = Quantized("int8")
    source, result = net.tensor(1, 6, 8, 4), net.tensor(1, 6, 8, 4, scale=Scale([0.01], [0]))
    if name == "RESHAPE":
        shape = net.const(np.array([1, 6, 8, 4], np.int32))
        net.operator(name, [source, shape], [result], "ReshapeOptions", NewShape=[1, 6, 8, 4])
    else:
        net.operator(name, [source, source], [result], "MaximumMinimumOptions")
    path = tmp_path / "network.tflite"
    path.write_bytes(net.finish([source], [result]))
    for form in Form:
        found = by_ort(path, picture((1, 6, 8, 4)), form)
        assert (found.min(), found.max()) == (pytest.approx(-1.28), pytest.approx(1.27))


@pytest.mark.parametrize("kind", KINDS)
def test_activations_have_the_files_own_scale_in_uint8(kind: str, tmp_path: Path) -> None:
    path, *_ = saved(kind, CASES["RELU"], tmp_path)
    graph = read_tflite(path, Form.QDQ).graph
    constants = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    (quantized,) = (node for node in graph.node if node.op_type == "QuantizeLinear")
    scale, zero = (constants[name] for name in quantized.input[1:])
    assert (scale, zero) == (np.float32(STEP), ZERO[kind] + (128 if kind == "int8" else 0))
    assert zero.dtype == np.uint8
    assert scale.shape == zero.shape == ()


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_go_in_and_real_numbers_come_out(kind: str, form: Form, tmp_path: Path) -> None:
    graph = read_tflite(saved(kind, CASES["RELU"], tmp_path)[0], form).graph
    ends = [entry.type.tensor_type.elem_type for entry in (*graph.input, *graph.output)]
    assert ends == [TensorProto.UINT8, TensorProto.FLOAT]
