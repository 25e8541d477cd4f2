"""Networks that compute in integers, operator by operator: against NumPy, both forms, and LiteRT itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import openvino as ov
import pytest
import tflite
from numpy.typing import NDArray

from streamseg.convert.tflite.graph import Form
from streamseg.convert.tflite.operators import read_tflite
from streamseg.errors import PackageError
from tests.convert.litert import litert
from tests.convert.oracle import Build, weights
from tests.convert.tflite import test_convolutions, test_operators
from tests.fakes.quantized import FIXED, STEP, ZERO, Quantized
from tests.fakes.tflite import Network, Scale

KINDS = ("uint8", "int8")
ONE = {"StrideW": 1, "StrideH": 1, "DilationWFactor": 1, "DilationHFactor": 1}
RELU6 = tflite.ActivationFunctionType.RELU6


def requantized(net: Network) -> tuple[int, int]:
    source, result = net.tensor(1, 6, 8, 4), net.tensor(1, 6, 8, 4, scale=Scale([0.07], [3]))
    net.operator("QUANTIZE", [source], [result], "QuantizeOptions")
    return source, result


def ending_in_float(net: Network) -> tuple[int, int]:
    source, inner = net.tensor(1, 6, 8, 4), net.tensor(1, 6, 8, 4)
    result = Network.tensor(net, 1, 6, 8, 4)
    net.operator("RELU", [source], [inner])
    net.operator("DEQUANTIZE", [inner], [result], "DequantizeOptions")
    return source, result


# what a fused TANH is in integers, LiteRT ignores; one of half a network in float is no case here
CASES: dict[str, Build] = {
    **{name: build for name, build in test_operators.CASES.items() if name != "DEQUANTIZE"},
    **{name: build for name, build in test_convolutions.CASES.items() if name != "CONV_2D and tanh"},
    "CONV_2D and ReLU6": test_convolutions.conv(tflite.Padding.SAME, 1, (9, 12), RELU6),
    "QUANTIZE": requantized,
    "DEQUANTIZE": ending_in_float,
}
SEVERAL = {"ADD and TRANSPOSE", "FULLY_CONNECTED, RESHAPE", "SQUEEZE, EXPAND_DIMS", "DEQUANTIZE"}
# LiteRT has no kernel for these, or (NEG of int8) one that forgets the zero point
WITHOUT = {"uint8": {"ABS", "ELU", "EXP", "NEG"}, "int8": {"NEG"}}
ALL = [(kind, case) for kind in KINDS for case in CASES]
KNOWN = [(kind, case) for kind, case in ALL if case not in WITHOUT[kind]]


def saved(kind: str, build: Build, folder: Path) -> tuple[Path, tuple[int, ...], Scale | None]:
    """The file, the shape of its picture, and the scale of its output."""
    net = Quantized(kind)
    source, result = build(net)
    path = folder / "network.tflite"
    path.write_bytes(net.finish([source], [result]))
    return path, tuple(net._tensors[source][0]), net._tensors[result][3]


def picture(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def by_ort(path: Path, image: NDArray[Any], form: Form, **how: bool) -> NDArray[Any]:
    model = read_tflite(path, form, **how)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    result: NDArray[Any] = session.run(None, {model.graph.input[0].name: image})[0]
    return result


def by_openvino(path: Path, image: NDArray[Any], form: Form) -> NDArray[Any]:
    core = ov.Core()
    model = core.read_model(read_tflite(path, form).SerializeToString())
    result: NDArray[Any] = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([image])[0]
    return result


@pytest.mark.real
@pytest.mark.parametrize(("kind", "case"), KNOWN)
def test_it_computes_what_litert_computes(kind: str, case: str, tmp_path: Path) -> None:
    """Within one step in integers, nearly all of it exactly; within one in float, where no error adds up."""
    path, shape, scale = saved(kind, CASES[case], tmp_path)
    image = picture(shape)
    stored = litert(path)(image).astype(np.float64)
    step = scale.scale[0] if scale else STEP
    real = (stored - scale.zero[0]) * step if scale else stored
    for run in (by_ort, by_openvino):
        off = np.abs(run(path, image, Form.QDQ) - real) / step
        assert off.max() <= 1.01
        assert (off > 0.1).mean() < 0.1
    if case not in SEVERAL:
        assert np.abs(by_ort(path, image, Form.FLOAT) - real).max() <= 1.01 * step


@pytest.mark.parametrize(("kind", "case"), ALL)
def test_float_is_what_the_integers_stand_for(kind: str, case: str, tmp_path: Path) -> None:
    path, shape, scale = saved(kind, CASES[case], tmp_path)
    image = picture(shape)
    real = by_ort(path, image, Form.FLOAT)
    steps = 10 if case in SEVERAL else 1.01 if case in FIXED else 0.51  # LOGISTIC's range ends a step below 1
    for run in (by_ort, by_openvino):
        off = np.abs(run(path, image, Form.QDQ) - real)
        assert off.max() <= steps * (scale.scale[0] if scale else STEP)


def saturating(net: Network) -> tuple[int, int]:
    """A convolution whose ReLU6 is nothing but the range of its result."""
    source = net.tensor(1, 6, 8, 3)
    result = net.tensor(1, 6, 8, 5, scale=Scale([6 / 255], [0 if net._kind == "uint8" else -128]))  # type: ignore[attr-defined]
    inputs = [source, net.const(4 * weights(5, 1, 1, 3)), net.const(weights(5))]
    net.operator("CONV_2D", inputs, [result], "Conv2DOptions", **ONE)
    return source, result


@pytest.mark.parametrize("kind", KINDS)
def test_what_saturation_cuts_off_is_cut_off_in_float_too(kind: str, tmp_path: Path) -> None:
    path, shape, _ = saved(kind, saturating, tmp_path)
    for form in Form:
        result = by_ort(path, picture(shape), form)
        assert result.min() == 0
        assert result.max() == pytest.approx(6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_convolution_is_exact_integer_arithmetic(kind: str, tmp_path: Path) -> None:
    """Products of integers, 32-bit sums, one multiplication, rounding: as the quantization spec has it."""
    net = Quantized(kind)
    source, result = net.tensor(1, 6, 8, 3), net.tensor(1, 6, 8, 5)
    inputs = [source, net.const(weights(5, 1, 1, 3)), net.const(weights(5))]
    net.operator("CONV_2D", inputs, [result], "Conv2DOptions", **ONE)
    path = tmp_path / "network.tflite"
    path.write_bytes(net.finish([source], [result]))
    image = picture((1, 6, 8, 3))
    (_, _, filters, scale), (_, _, bias, _) = net._tensors[inputs[1]], net._tensors[inputs[2]]
    assert filters is not None
    assert bias is not None
    assert scale is not None
    units = image.astype(np.int64) - (128 if kind == "int8" else 0) - ZERO[kind]
    centred = filters[:, 0, 0].astype(np.int64) - np.array(scale.zero)[:, None]
    sums = units @ centred.T + bias
    held = np.iinfo(kind)
    steps = np.rint(sums * np.array(scale.scale)).clip(held.min - ZERO[kind], held.max - ZERO[kind])
    np.testing.assert_allclose(by_ort(path, image, Form.QDQ), steps * STEP, atol=1e-5)


def joined(net: Network) -> tuple[int, int]:
    """Two branches of a convolution joined, one of them brought to the other's scale first."""
    source = net.tensor(1, 6, 8, 8)
    narrow = Scale([0.02], [-128])
    wide = Scale([0.05], [-128])
    first, small, scaled, second = (net.tensor(1, 6, 8, 8, scale=s) for s in (wide, narrow, wide, wide))
    total, result = net.tensor(1, 6, 8, 16, scale=wide), net.tensor(1, 6, 8, 4)
    conv = {**ONE, "FusedActivationFunction": tflite.ActivationFunctionType.RELU}

    def convolved(start: int, end: int, channels: int, width: int) -> None:
        inputs = [start, net.const(weights(channels, 1, 1, width)), net.const(weights(channels))]
        net.operator("CONV_2D", inputs, [end], "Conv2DOptions", **conv)

    convolved(source, first, 8, 8)
    convolved(first, small, 8, 8)
    net.operator("QUANTIZE", [small], [scaled], "QuantizeOptions")
    convolved(first, second, 8, 8)
    net.operator("CONCATENATION", [scaled, second], [total], "ConcatenationOptions", Axis=3)
    convolved(total, result, 4, 16)
    return source, result


def test_openvino_computes_what_onnx_runtime_computes_where_branches_meet(tmp_path: Path) -> None:
    """With activations in int8 it was wrong by 19 steps."""
    path, shape, _ = saved("int8", joined, tmp_path)
    image = picture(shape)
    off = np.abs(by_openvino(path, image, Form.QDQ) - by_ort(path, image, Form.QDQ))
    assert off.max() <= 2.01 * STEP


def test_all_that_is_refused_is_named_at_once(tmp_path: Path) -> None:
    net = Quantized("int8")
    source = net.tensor(1, 6, 8, 4)
    wide = Network.tensor(net, 1, 6, 8, 4, kind="int16", scale=Scale([0.1]))
    bare = Network.tensor(net, 1, 6, 8, 4, kind="int8")
    split = Network.tensor(net, 1, 6, 8, 4, kind="uint8", scale=Scale([0.1] * 4, [0] * 4, 3))
    broken = Network.tensor(net, 1, 6, 8, 4, kind="int8", scale=Scale([float("nan")]))
    odd = Network.tensor(net, 1, 6, 8, 4, kind="int8", scale=Scale([0.1], [300]))
    unknown, result = net.tensor(1, 6, 8, 4), net.tensor(1, 6, 8, 2)
    for start, end in zip((source, wide, bare, split, broken), (wide, bare, split, broken, odd), strict=True):
        net.operator("RELU", [start], [end])
    net.operator("CUMSUM", [odd], [unknown])
    net.operator("CONV_2D", [unknown, source], [result], "Conv2DOptions", **ONE)
    path = tmp_path / "network.tflite"
    path.write_bytes(net.finish([source], [result]))
    with pytest.raises(PackageError) as caught:
        read_tflite(path, Form.QDQ)
    told = str(caught.value)
    assert "Traceback" not in told
    for part in (
        "tensor 't1' is int16; float32, uint8 and int8 are known between operators",
        "tensor 't2' is int8 and has no scale",
        "tensor 't3' has more than one scale; only weights may",
        "tensor 't4' has a scale that is no positive number",
        "tensor 't5' has a zero point that is no int8",
        "has operators that are not known here: CUMSUM; export the network as ONNX instead",
    ):
        assert f"{path}: {part}\n" in told + "\n"


def test_operators_that_are_refused_are_named_together(tmp_path: Path) -> None:
    net = Quantized("int8")
    source, first, second = net.tensor(1, 6, 8, 4), net.tensor(1, 6, 8, 4), net.tensor(1, 6, 8, 2)
    inputs = [source, net.const(weights(4, 1, 1, 4)), net.const(weights(4))]
    sign = {**ONE, "FusedActivationFunction": tflite.ActivationFunctionType.SIGN_BIT}
    net.operator("CONV_2D", inputs, [first], "Conv2DOptions", **sign)
    net.operator("CONV_2D", [first, first], [second], "Conv2DOptions", **ONE)
    path = tmp_path / "network.tflite"
    path.write_bytes(net.finish([source], [second]))
    with pytest.raises(
        PackageError, match=r"activation that is not known here\n.*weights or sizes that are computed"
    ):
        read_tflite(path)


@pytest.mark.parametrize("form", list(Form))
def test_a_damaged_network_is_a_package_error(form: Form, tmp_path: Path) -> None:
    """Cut short, and with bytes overwritten: refused or read, nothing else."""
    path, *_ = saved("int8", joined, tmp_path)
    whole, random = path.read_bytes(), np.random.default_rng(0)
    cut = [whole[:end] for end in range(8, len(whole), 397)]
    for content in cut:
        assert refusal(path, content, form).startswith(f"{path}: ")
    for _ in range(150):
        spoilt = bytearray(whole)
        for at in random.integers(8, len(whole), 6):
            spoilt[at] = random.integers(256)
        assert (refusal(path, bytes(spoilt), form) or "network.tflite: ").find("network.tflite: ") >= 0


def refusal(path: Path, content: bytes, form: Form) -> str:
    """What is said of a file's content; empty where it is taken."""
    path.write_bytes(content)
    try:
        read_tflite(path, form)
    except PackageError as error:
        return str(error)
    return ""
