"""Every convolution and pool against OpenVINO's own reading of the same TFLite file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tflite

from streamseg.convert.tflite.operators import read_tflite
from streamseg.errors import PackageError
from tests.convert.oracle import RANDOM, Build, assert_agrees, ours, weights, written
from tests.fakes.tflite import Network

SAME, VALID = tflite.Padding.SAME, tflite.Padding.VALID
RELU, RELU6, TANH, CLIPPED = (
    tflite.ActivationFunctionType.RELU,
    tflite.ActivationFunctionType.RELU6,
    tflite.ActivationFunctionType.TANH,
    tflite.ActivationFunctionType.RELU_N1_TO_1,
)


def conv(padding: int, stride: int, size: tuple[int, int], activation: int = 0, dilation: int = 1) -> Build:
    def build(net: Network) -> tuple[int, int]:
        source, result = net.tensor(1, 9, 12, 3), net.tensor(1, *size, 5)
        inputs = [source, net.const(weights(5, 3, 3, 3)), net.const(weights(5))]
        net.operator(
            "CONV_2D", inputs, [result], "Conv2DOptions",
            Padding=padding, StrideW=stride, StrideH=stride, FusedActivationFunction=activation,
            DilationWFactor=dilation, DilationHFactor=dilation,
        )  # fmt: skip
        return source, result

    return build


def depthwise(net: Network) -> tuple[int, int]:
    source, result = net.tensor(1, 9, 12, 3), net.tensor(1, 5, 6, 6)
    net.operator(
        "DEPTHWISE_CONV_2D", [source, net.const(weights(1, 5, 5, 6)), net.const(weights(6))], [result],
        "DepthwiseConv2DOptions", Padding=SAME, StrideW=2, StrideH=2, DepthMultiplier=2,
        FusedActivationFunction=RELU6, DilationWFactor=1, DilationHFactor=1,
    )  # fmt: skip
    return source, result


def transposed(padding: int, kernel: int, size: tuple[int, int]) -> Build:
    def build(net: Network) -> tuple[int, int]:
        source, result = net.tensor(1, 4, 5, 3), net.tensor(1, *size, 2)
        shape = net.const(np.array([1, *size, 2], np.int32))
        net.operator(
            "TRANSPOSE_CONV", [shape, net.const(weights(2, kernel, kernel, 3)), source], [result],
            "TransposeConvOptions", Padding=padding, StrideW=2, StrideH=2,
        )  # fmt: skip
        return source, result

    return build


def pool(name: str, padding: int, size: tuple[int, int]) -> Build:
    def build(net: Network) -> tuple[int, int]:
        source, result = net.tensor(1, 9, 12, 3), net.tensor(1, *size, 3)
        net.operator(
            name, [source], [result], "Pool2DOptions",
            Padding=padding, StrideW=2, StrideH=2, FilterWidth=3, FilterHeight=3,
        )  # fmt: skip
        return source, result

    return build


CASES: dict[str, Build] = {
    "CONV_2D same": conv(SAME, 2, (5, 6)),
    "CONV_2D valid": conv(VALID, 1, (7, 10), RELU),
    "CONV_2D dilated": conv(SAME, 1, (9, 12), CLIPPED, 2),
    "CONV_2D and tanh": conv(SAME, 1, (9, 12), TANH),
    "DEPTHWISE_CONV_2D": depthwise,
    "TRANSPOSE_CONV same": transposed(SAME, 3, (8, 10)),
    "TRANSPOSE_CONV small": transposed(SAME, 2, (8, 10)),
    "TRANSPOSE_CONV valid": transposed(VALID, 3, (9, 11)),
    "AVERAGE_POOL_2D same": pool("AVERAGE_POOL_2D", SAME, (5, 6)),
    "AVERAGE_POOL_2D valid": pool("AVERAGE_POOL_2D", VALID, (4, 5)),
    "MAX_POOL_2D same": pool("MAX_POOL_2D", SAME, (5, 6)),
}


@pytest.mark.parametrize("case", CASES)
def test_it_computes_what_openvino_computes(case: str, tmp_path: Path) -> None:
    assert_agrees(CASES[case], tmp_path)


def test_an_activation_that_is_not_known(tmp_path: Path) -> None:
    sign = conv(SAME, 1, (9, 12), tflite.ActivationFunctionType.SIGN_BIT)
    with pytest.raises(PackageError, match=r"network\.tflite: an activation that is not known here"):
        read_tflite(written(sign, tmp_path)[0])


def test_mediapipes_transposed_convolution_has_a_bias(tmp_path: Path) -> None:
    filters, bias = weights(2, 3, 3, 3), weights(2)
    own, plain = Network(), Network()
    source, result = own.tensor(1, 4, 5, 3), own.tensor(1, 8, 10, 2)
    inputs = [source, own.const(filters), own.const(bias)]
    own.custom("Convolution2DTransposeBias", inputs, [result], SAME + 1, 2, 2)
    (tmp_path / "own.tflite").write_bytes(own.finish([source], [result]))
    source, between, result = plain.tensor(1, 4, 5, 3), plain.tensor(1, 8, 10, 2), plain.tensor(1, 8, 10, 2)
    shape = plain.const(np.array([1, 8, 10, 2], np.int32))
    plain.operator(
        "TRANSPOSE_CONV", [shape, plain.const(filters), source], [between], "TransposeConvOptions",
        Padding=SAME, StrideW=2, StrideH=2,
    )  # fmt: skip
    plain.operator("ADD", [between, plain.const(bias)], [result], "AddOptions")
    (tmp_path / "plain.tflite").write_bytes(plain.finish([source], [result]))
    picture = RANDOM.normal(0, 2, (1, 4, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(
        ours(tmp_path / "own.tflite", picture), ours(tmp_path / "plain.tflite", picture), rtol=1e-5, atol=1e-6
    )
