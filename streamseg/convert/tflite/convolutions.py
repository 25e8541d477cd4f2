"""TFLite's convolutions and pools as ONNX nodes: how they pad, and what they do to their own result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import tflite

from streamseg.convert.tflite.graph import Graph
from streamseg.convert.tflite.reader import Operator
from streamseg.errors import PackageError

Rule: TypeAlias = Callable[[Graph, Operator], None]


def convolution(graph: Graph, operator: Operator) -> None:
    """CONV_2D."""
    _convolved(graph, operator, (0, 3, 1, 2), 1)


def depthwise(graph: Graph, operator: Operator) -> None:
    """DEPTHWISE_CONV_2D."""
    _convolved(graph, operator, (3, 0, 1, 2), graph.shape(operator.inputs[0])[3])


def _convolved(graph: Graph, operator: Operator, order: tuple[int, ...], group: int) -> None:
    """`order`: of the weights' axes, that makes O I H W of them."""
    options, index = operator.options, operator.inputs[1]
    strides = [options.StrideH(), options.StrideW()]
    dilations = [options.DilationHFactor(), options.DilationWFactor()]
    weights = graph.weight(index, order)
    kernel = [graph.shape(index)[axis] for axis in order[2:]]
    reach = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
    name = graph.nodes.add(
        "Conv",
        graph.planes(operator.inputs[0]),
        weights,
        *bias_of(graph, operator.inputs[2:]),
        kernel_shape=kernel,
        strides=strides,
        dilations=dilations,
        group=group,
        pads=_pads(graph, operator, options.Padding(), reach, strides),
    )
    put_planes(graph, operator, activated(graph, name, operator))


def bias_of(graph: Graph, indices: list[int]) -> list[str]:
    """The constant of each index; a bias that is not there is -1."""
    return [graph.nodes.const(graph.required(index)) for index in indices if index >= 0]


def _pads(graph: Graph, operator: Operator, padding: int, reach: list[int], strides: list[int]) -> list[int]:
    """TFLite's SAME: as many zeros as the output's size needs, the odd one behind."""
    if padding == tflite.Padding.VALID:
        return [0, 0, 0, 0]
    sizes, results = graph.shape(operator.inputs[0])[1:3], graph.shape(operator.output)[1:3]
    totals = [
        max((result - 1) * stride + length - size, 0)
        for size, result, stride, length in zip(sizes, results, strides, reach, strict=True)
    ]
    return [total // 2 for total in totals] + [total - total // 2 for total in totals]


def transposed(graph: Graph, operator: Operator) -> None:
    """TRANSPOSE_CONV."""
    options = operator.options
    _, weights, source, *bias = operator.inputs
    name = _deconvolved(graph, operator, (source, weights, bias), [options.StrideH(), options.StrideW()])
    put_planes(graph, operator, activated(graph, name, operator))


def transposed_with_bias(graph: Graph, operator: Operator) -> None:
    """MediaPipe's own operator; its options are padding, and stride in x and y."""
    source, weights, *bias = operator.inputs
    _, across, down = operator.custom_ints()[:3]
    put_planes(graph, operator, _deconvolved(graph, operator, (source, weights, bias), [down, across]))


def _deconvolved(
    graph: Graph, operator: Operator, inputs: tuple[int, int, list[int]], strides: list[int]
) -> str:
    """The output's size says how much is cut off or added, the odd row and column behind."""
    source, weight_index, bias = inputs
    weights = graph.weight(weight_index, (3, 0, 1, 2))  # O H W I → I O H W
    kernel = graph.shape(weight_index)[1:3]
    sizes, results = graph.shape(source)[1:3], graph.shape(operator.output)[1:3]
    over = [
        (size - 1) * stride + length - result
        for size, result, stride, length in zip(sizes, results, strides, kernel, strict=True)
    ]
    cut = [max(total, 0) for total in over]
    return graph.nodes.add(
        "ConvTranspose",
        graph.planes(source),
        weights,
        *bias_of(graph, bias),
        kernel_shape=kernel,
        strides=strides,
        pads=[total // 2 for total in cut] + [total - total // 2 for total in cut],
        output_padding=[max(-total, 0) for total in over],
    )


def pool(kind: str) -> Rule:
    """AVERAGE_POOL_2D or MAX_POOL_2D, by ONNX's name."""

    def rule(graph: Graph, operator: Operator) -> None:
        options = operator.options
        kernel, strides = (
            [options.FilterHeight(), options.FilterWidth()],
            [options.StrideH(), options.StrideW()],
        )
        pads = _pads(graph, operator, options.Padding(), kernel, strides)
        source = graph.planes(operator.inputs[0])
        name = graph.nodes.add(kind, source, kernel_shape=kernel, strides=strides, pads=pads)
        put_planes(graph, operator, activated(graph, name, operator))

    return rule


def put_planes(graph: Graph, operator: Operator, name: str) -> None:
    """Names an operator's result, which has its channels first."""
    graph.put(operator.output, name, planes=True)


def activated(graph: Graph, name: str, operator: Operator) -> str:
    """What an operator does to its own result at the end, where its integers do not do it already."""
    kinds = tflite.ActivationFunctionType
    kind = operator.options.FusedActivationFunction()
    ends = {kinds.RELU: (0.0, math.inf), kinds.RELU6: (0.0, 6.0), kinds.RELU_N1_TO_1: (-1.0, 1.0)}
    quantization = graph.quantization(operator.output)
    if kind == kinds.NONE or (kind in ends and quantization and quantization.within(*ends[kind])):
        return name
    if kind == kinds.RELU:
        return graph.nodes.add("Relu", name)
    if kind in ends:
        return clip(graph, name, *ends[kind])
    if kind == kinds.TANH:
        return graph.nodes.add("Tanh", name)
    raise PackageError(f"{graph.path}: an activation that is not known here")


def clip(graph: Graph, name: str, low: float, high: float) -> str:
    """Numbers cut at both ends."""
    return graph.nodes.add("Clip", name, graph.nodes.f32(low), graph.nodes.f32(high))
