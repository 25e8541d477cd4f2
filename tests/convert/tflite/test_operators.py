"""Every operator against OpenVINO's own reading of the same TFLite file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite

from streamseg.convert.tflite.operators import _RULES, read_tflite
from streamseg.errors import PackageError
from tests.convert.oracle import RANDOM, Build, assert_agrees, ours, weights, written
from tests.fakes.tflite import Network

RELU, RELU6 = tflite.ActivationFunctionType.RELU, tflite.ActivationFunctionType.RELU6


def unary(name: str, options: str = "", **values: Any) -> Build:
    def build(net: Network) -> tuple[int, int]:
        source, result = net.tensor(1, 6, 8, 4), net.tensor(1, 6, 8, 4)
        net.operator(name, [source], [result], options, **values)
        return source, result

    return build


def pair(name: str, options: str, other: Sequence[int], **values: Any) -> Build:
    def build(net: Network) -> tuple[int, int]:
        source, result = net.tensor(1, 6, 8, 4), net.tensor(1, 6, 8, 4)
        net.operator(name, [source, net.const(weights(*other) + 2)], [result], options, **values)
        return source, result

    return build


def both_forms(net: Network) -> tuple[int, int]:
    """A convolution's result and the picture added, then turned round twice: both forms of a tensor meet."""
    source, inner, total, result = (net.tensor(1, 6, 8, 4) for _ in range(4))
    across = net.tensor(1, 8, 6, 4)
    net.operator(
        "CONV_2D", [source, net.const(weights(4, 1, 1, 4)), net.const(weights(4))], [inner], "Conv2DOptions",
        StrideW=1, StrideH=1, DilationWFactor=1, DilationHFactor=1,
    )  # fmt: skip
    net.operator("ADD", [inner, source], [total], "AddOptions", FusedActivationFunction=RELU)
    order = net.const(np.array([0, 2, 1, 3], np.int32))
    net.operator("TRANSPOSE", [total, order], [across], "TransposeOptions")
    net.operator("TRANSPOSE", [across, order], [result], "TransposeOptions")
    return source, result


def resized(name: str, options: str, size: tuple[int, int], **values: Any) -> Build:
    def build(net: Network) -> tuple[int, int]:
        source, result = net.tensor(1, 6, 8, 4), net.tensor(1, *size, 4)
        net.operator(name, [source, net.const(np.array(size, np.int32))], [result], options, **values)
        return source, result

    return build


def joined(axis: int, *size: int) -> Build:
    def build(net: Network) -> tuple[int, int]:
        source, result = net.tensor(1, 6, 8, 4), net.tensor(*size)
        net.operator("CONCATENATION", [source, source], [result], "ConcatenationOptions", Axis=axis)
        return source, result

    return build


def padded(net: Network) -> tuple[int, int]:
    source, result = net.tensor(1, 6, 8, 4), net.tensor(1, 9, 9, 4)
    net.operator(
        "PAD",
        [source, net.const(np.array([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32))],
        [result],
        "PadOptions",
    )
    return source, result


def padded_with(net: Network) -> tuple[int, int]:
    source, result = net.tensor(1, 6, 8, 4), net.tensor(1, 9, 9, 4)
    amounts = net.const(np.array([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32))
    net.operator("PADV2", [source, amounts, net.const(np.array(1.5, np.float32))], [result], "PadV2Options")
    return source, result


def tiled(net: Network) -> tuple[int, int]:
    source, result = net.tensor(1, 6, 8, 4), net.tensor(1, 12, 24, 4)
    net.operator("TILE", [source, net.const(np.array([1, 2, 3, 1], np.int32))], [result], "TileOptions")
    return source, result


def mean(keep: bool) -> Build:
    def build(net: Network) -> tuple[int, int]:
        source, result = net.tensor(1, 6, 8, 4), net.tensor(*((1, 1, 1, 4) if keep else (1, 4)))
        axes = net.const(np.array([1, 2], np.int32))
        net.operator("MEAN", [source, axes], [result], "ReducerOptions", KeepDims=keep)
        return source, result

    return build


def winner(net: Network) -> tuple[int, int]:
    source, result = net.tensor(1, 6, 8, 4), net.tensor(1, 6, 8, kind="int64")
    net.operator(
        "ARG_MAX", [source, net.const(np.array(3, np.int32))], [result], "ArgMaxOptions",
        OutputType=tflite.TensorType.INT64,
    )  # fmt: skip
    return source, result


def cast(net: Network) -> tuple[int, int]:
    source, ids = net.tensor(1, 6, 8, 4), net.tensor(1, 6, 8, kind="int64")
    result = net.tensor(1, 6, 8, kind="int32")
    net.operator(
        "ARG_MAX", [source, net.const(np.array(3, np.int32))], [ids], "ArgMaxOptions",
        OutputType=tflite.TensorType.INT64,
    )  # fmt: skip
    net.operator(
        "CAST", [ids], [result], "CastOptions",
        InDataType=tflite.TensorType.INT64, OutDataType=tflite.TensorType.INT32,
    )  # fmt: skip
    return source, result


def connected(net: Network) -> tuple[int, int]:
    """Squeeze and excite: mean, two full layers, scale."""
    source, small, hidden, gate = net.tensor(1, 6, 8, 4), net.tensor(1, 4), net.tensor(1, 3), net.tensor(1, 4)
    wide, result = net.tensor(1, 1, 1, 4), net.tensor(1, 6, 8, 4)
    net.operator(
        "MEAN", [source, net.const(np.array([1, 2], np.int32))], [small], "ReducerOptions", KeepDims=False
    )
    for start, units, end in ((small, (3, 4), hidden), (hidden, (4, 3), gate)):
        net.operator(
            "FULLY_CONNECTED", [start, net.const(weights(*units)), net.const(weights(units[0]))], [end],
            "FullyConnectedOptions", FusedActivationFunction=RELU,
        )  # fmt: skip
    net.operator(
        "RESHAPE",
        [gate, net.const(np.array([1, 1, 1, 4], np.int32))],
        [wide],
        "ReshapeOptions",
        NewShape=[1, 1, 1, 4],
    )
    net.operator("MUL", [source, wide], [result], "MulOptions")
    return source, result


def squeezed(net: Network) -> tuple[int, int]:
    source, thin, flat, result = (
        net.tensor(1, 6, 8, 4), net.tensor(1, 1, 1, 4), net.tensor(1, 4), net.tensor(1, 1, 4),
    )  # fmt: skip
    net.operator(
        "MEAN", [source, net.const(np.array([1, 2], np.int32))], [thin], "ReducerOptions", KeepDims=True
    )
    net.operator("SQUEEZE", [thin], [flat], "SqueezeOptions", SqueezeDims=[1, 2])
    net.operator("EXPAND_DIMS", [flat, net.const(np.array(1, np.int32))], [result], "ExpandDimsOptions")
    return source, result


def deepened(net: Network) -> tuple[int, int]:
    source, result = net.tensor(1, 6, 8, 8), net.tensor(1, 12, 16, 2)
    net.operator("DEPTH_TO_SPACE", [source], [result], "DepthToSpaceOptions", BlockSize=2)
    return source, result


def half_weights(net: Network) -> tuple[int, int]:
    source, result = net.tensor(1, 6, 8, 4), net.tensor(1, 6, 8, 2)
    stored, real = net.const(weights(2, 1, 1, 4).astype(np.float16)), net.tensor(2, 1, 1, 4)
    net.operator("DEQUANTIZE", [stored], [real], "DequantizeOptions")
    net.operator(
        "CONV_2D", [source, real, net.const(weights(2))], [result], "Conv2DOptions",
        StrideW=1, StrideH=1, DilationWFactor=1, DilationHFactor=1,
    )  # fmt: skip
    return source, result


CASES: dict[str, Build] = {
    "ADD each channel": pair("ADD", "AddOptions", (4,), FusedActivationFunction=RELU6),
    "ADD all": pair("ADD", "AddOptions", (1, 6, 8, 4)),
    "ADD and TRANSPOSE": both_forms,
    "SUB": pair("SUB", "SubOptions", (4,)),
    "MUL one": pair("MUL", "MulOptions", (1,)),
    "DIV": pair("DIV", "DivOptions", (1, 1, 1, 4)),
    "MAXIMUM": pair("MAXIMUM", "MaximumMinimumOptions", (4,)),
    "MINIMUM": pair("MINIMUM", "MaximumMinimumOptions", (4,)),
    "PRELU": pair("PRELU", "", (1, 1, 4)),
    "ABS": unary("ABS", "AbsOptions"),
    "ELU": unary("ELU"),
    "EXP": unary("EXP", "ExpOptions"),
    "HARD_SWISH": unary("HARD_SWISH", "HardSwishOptions"),
    "LEAKY_RELU": unary("LEAKY_RELU", "LeakyReluOptions", Alpha=0.2),
    "LOGISTIC": unary("LOGISTIC"),
    "NEG": unary("NEG", "NegOptions"),
    "RELU": unary("RELU"),
    "RELU6": unary("RELU6"),
    "TANH": unary("TANH"),
    "SOFTMAX": unary("SOFTMAX", "SoftmaxOptions", Beta=1.0),
    "RESIZE_BILINEAR half pixel": resized(
        "RESIZE_BILINEAR", "ResizeBilinearOptions", (13, 17), HalfPixelCenters=True
    ),
    "RESIZE_BILINEAR corners": resized(
        "RESIZE_BILINEAR", "ResizeBilinearOptions", (13, 17), AlignCorners=True
    ),
    "RESIZE_BILINEAR asymmetric": resized("RESIZE_BILINEAR", "ResizeBilinearOptions", (12, 16)),
    "RESIZE_NEAREST_NEIGHBOR": resized("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions", (12, 16)),
    "CONCATENATION channels": joined(3, 1, 6, 8, 8),
    "CONCATENATION rows": joined(-3, 1, 12, 8, 4),
    "PAD": padded,
    "PADV2": padded_with,
    "TILE": tiled,
    "CAST": cast,
    "MEAN kept": mean(keep=True),
    "MEAN dropped": mean(keep=False),
    "ARG_MAX": winner,
    "FULLY_CONNECTED, RESHAPE": connected,
    "SQUEEZE, EXPAND_DIMS": squeezed,
    "DEPTH_TO_SPACE": deepened,
    "DEQUANTIZE": half_weights,
}
# one that OpenVINO does not read has a test of its own below, one of integers among those of integers
APART = {"RELU_N1_TO_1", "QUANTIZE"}
CONVOLUTIONS = {name for name, rule in _RULES.items() if "convolutions" in rule.__module__}


@pytest.mark.parametrize("case", CASES)
def test_it_computes_what_openvino_computes(case: str, tmp_path: Path) -> None:
    assert_agrees(CASES[case], tmp_path)


def test_every_operator_has_a_case() -> None:
    told = {word.strip(" ,") for case in CASES for word in case.split() if word.strip(" ,") in _RULES}
    assert told == set(_RULES) - APART - CONVOLUTIONS


def test_a_batch_is_as_good_as_one(tmp_path: Path) -> None:
    path, shape = written(connected, tmp_path)
    pictures = RANDOM.normal(0, 2, (3, *shape[1:])).astype(np.float32)
    alone = np.concatenate([ours(path, picture[None]) for picture in pictures])
    np.testing.assert_allclose(ours(path, pictures), alone, rtol=1e-5, atol=1e-6)


def test_numbers_are_cut_at_one(tmp_path: Path) -> None:
    path, shape = written(unary("RELU_N1_TO_1"), tmp_path)
    picture = RANDOM.normal(0, 2, shape).astype(np.float32)
    np.testing.assert_array_equal(ours(path, picture), picture.clip(-1, 1))


@pytest.mark.parametrize("corners", [False, True])
def test_the_nearest_pixel_is_the_one_of_tflites_reference(corners: bool, tmp_path: Path) -> None:
    """Not OpenVINO's, which takes half a pixel off before it takes the floor."""
    build = resized(
        "RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions", (13, 17),
        HalfPixelCenters=not corners, AlignCorners=corners,
    )  # fmt: skip
    path, shape = written(build, tmp_path)
    picture = RANDOM.normal(0, 2, shape).astype(np.float32)
    if corners:
        rows, columns = (np.floor(np.arange(n) * (m - 1) / (n - 1) + 0.5) for n, m in ((13, 6), (17, 8)))
    else:
        rows, columns = (np.floor((np.arange(n) + 0.5) * m / n) for n, m in ((13, 6), (17, 8)))
    expected = picture[:, rows.astype(int)][:, :, columns.astype(int)]
    np.testing.assert_array_equal(ours(path, picture), expected)


def test_operators_that_are_not_known_are_all_named(tmp_path: Path) -> None:
    net = Network()
    source, between, result = (net.tensor(1, 6, 8, 4) for _ in range(3))
    net.custom("TheirOwn", [source], [between])
    net.operator("CUMSUM", [between], [result])
    (tmp_path / "network.tflite").write_bytes(net.finish([source], [result]))
    with pytest.raises(PackageError, match=r"not known here: CUMSUM, TheirOwn; export the network as ONNX"):
        read_tflite(tmp_path / "network.tflite")
