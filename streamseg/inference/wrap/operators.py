"""The operators of TFLite that segmentation networks are made of, each as ONNX nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import tflite
from numpy.typing import NDArray

from streamseg.errors import PackageError
from streamseg.inference.wrap.compose import factor
from streamseg.inference.wrap.tflite import Graph, Operator

_Rule: TypeAlias = Callable[[Graph, Operator], None]
_PLANE_AXIS = {0: 0, 1: 2, 2: 3, 3: 1}  # where each axis of TFLite's order lies with channels first


def convert(graph: Graph) -> None:
    """Puts a network's operators into its nodes.

    Raises:
        PackageError: Some are not known here; all of them are named.
    """
    operators = graph.operators
    if unknown := sorted({operator.name for operator in operators} - set(_RULES)):
        raise PackageError(
            f"{graph.path}: has operators that are not known here: {', '.join(unknown)}; "
            "export the network as ONNX instead"
        )
    for operator in operators:
        _RULES[operator.name](graph, operator)


def _convolution(graph: Graph, operator: Operator) -> None:
    options, weights = operator.options, graph.required(operator.inputs[1])
    _convolved(graph, operator, options, weights.transpose(0, 3, 1, 2), 1)


def _depthwise(graph: Graph, operator: Operator) -> None:
    options, weights = operator.options, graph.required(operator.inputs[1])
    _convolved(graph, operator, options, weights.transpose(3, 0, 1, 2), graph.shape(operator.inputs[0])[3])


def _convolved(graph: Graph, operator: Operator, options: Any, weights: NDArray[Any], group: int) -> None:
    strides = [options.StrideH(), options.StrideW()]
    dilations = [options.DilationHFactor(), options.DilationWFactor()]
    kernel = list(weights.shape[2:])
    reach = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
    name = graph.nodes.add(
        "Conv",
        graph.planes(operator.inputs[0]),
        graph.nodes.const(weights),
        *_bias(graph, operator.inputs[2:]),
        kernel_shape=kernel,
        strides=strides,
        dilations=dilations,
        group=group,
        pads=_pads(graph, operator, options.Padding(), reach, strides),
    )
    _put_planes(graph, operator, _activated(graph, name, options))


def _bias(graph: Graph, indices: list[int]) -> list[str]:
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


def _transposed(graph: Graph, operator: Operator) -> None:
    options = operator.options
    _, weights, source, *bias = operator.inputs
    name = _deconvolved(graph, operator, (source, weights, bias), [options.StrideH(), options.StrideW()])
    _put_planes(graph, operator, _activated(graph, name, options))


def _transposed_with_bias(graph: Graph, operator: Operator) -> None:
    """MediaPipe's own operator; its options are padding, and stride in x and y."""
    source, weights, *bias = operator.inputs
    _, across, down = operator.custom_ints()[:3]
    _put_planes(graph, operator, _deconvolved(graph, operator, (source, weights, bias), [down, across]))


def _deconvolved(
    graph: Graph, operator: Operator, inputs: tuple[int, int, list[int]], strides: list[int]
) -> str:
    """The output's size says how much is cut off or added, the odd row and column behind."""
    source, weight_index, bias = inputs
    weights = graph.required(weight_index).transpose(3, 0, 1, 2)  # O H W I → I O H W
    sizes, results = graph.shape(source)[1:3], graph.shape(operator.output)[1:3]
    over = [
        (size - 1) * stride + length - result
        for size, result, stride, length in zip(sizes, results, strides, weights.shape[2:], strict=True)
    ]
    cut = [max(total, 0) for total in over]
    return graph.nodes.add(
        "ConvTranspose",
        graph.planes(source),
        graph.nodes.const(weights),
        *_bias(graph, bias),
        kernel_shape=list(weights.shape[2:]),
        strides=strides,
        pads=[total // 2 for total in cut] + [total - total // 2 for total in cut],
        output_padding=[max(-total, 0) for total in over],
    )


def _pool(kind: str) -> _Rule:
    def rule(graph: Graph, operator: Operator) -> None:
        options = operator.options
        kernel, strides = (
            [options.FilterHeight(), options.FilterWidth()],
            [options.StrideH(), options.StrideW()],
        )
        pads = _pads(graph, operator, options.Padding(), kernel, strides)
        source = graph.planes(operator.inputs[0])
        name = graph.nodes.add(kind, source, kernel_shape=kernel, strides=strides, pads=pads)
        _put_planes(graph, operator, _activated(graph, name, options))

    return rule


def _pair(kind: str) -> _Rule:
    """Arithmetic on two tensors."""

    def rule(graph: Graph, operator: Operator) -> None:
        planes = graph.is_image(operator.output)
        form = graph.planes if planes else graph.flat
        name = graph.nodes.add(kind, *(form(index) for index in operator.inputs))
        fused = kind in ("Add", "Sub", "Mul", "Div")
        graph.put(
            operator.output, _activated(graph, name, operator.options) if fused else name, planes=planes
        )

    return rule


def _single(kind: str, **attributes: Any) -> _Rule:
    """What is done to each number by itself."""

    def rule(graph: Graph, operator: Operator) -> None:
        planes = graph.in_planes(operator.inputs[0])
        source = (graph.planes if planes else graph.flat)(operator.inputs[0])
        graph.put(operator.output, graph.nodes.add(kind, source, **attributes), planes=planes)

    return rule


def _clipped(low: float, high: float) -> _Rule:
    def rule(graph: Graph, operator: Operator) -> None:
        planes = graph.in_planes(operator.inputs[0])
        source = (graph.planes if planes else graph.flat)(operator.inputs[0])
        graph.put(operator.output, _clip(graph, source, low, high), planes=planes)

    return rule


def _leaky(graph: Graph, operator: Operator) -> None:
    _single("LeakyRelu", alpha=operator.options.Alpha())(graph, operator)


def _dequantized(graph: Graph, operator: Operator) -> None:
    value = graph.constant(operator.inputs[0])
    if value is None:
        raise PackageError(f"{graph.path}: the network computes in integers; wrap its float version")
    graph.set_constant(operator.output, value.astype(np.float32))


def _concatenated(graph: Graph, operator: Operator) -> None:
    rank = len(graph.shape(operator.output))
    axis = operator.options.Axis() % rank
    planes = rank == 4
    names = [(graph.planes if planes else graph.flat)(index) for index in operator.inputs]
    name = graph.nodes.add("Concat", *names, axis=_PLANE_AXIS[axis] if planes else axis)
    graph.put(operator.output, _activated(graph, name, operator.options), planes=planes)


def _padded(graph: Graph, operator: Operator) -> None:
    amounts = graph.required(operator.inputs[1]).astype(np.int64)
    planes = graph.is_image(operator.output)
    if planes:
        amounts = amounts[[0, 3, 1, 2]]
    source = (graph.planes if planes else graph.flat)(operator.inputs[0])
    graph.put(
        operator.output,
        graph.nodes.add("Pad", source, graph.nodes.i64(*amounts.T.ravel().tolist())),
        planes=planes,
    )


def _mean(graph: Graph, operator: Operator) -> None:
    rank = len(graph.shape(operator.inputs[0]))
    axes = [int(axis) % rank for axis in graph.required(operator.inputs[1]).ravel()]
    keep = operator.options.KeepDims()
    planes = rank == 4 and graph.is_image(operator.output)
    source = (graph.planes if planes else graph.flat)(operator.inputs[0])
    axes = sorted(_PLANE_AXIS[axis] for axis in axes) if planes else axes
    name = graph.nodes.add("ReduceMean", source, axes=axes, keepdims=int(keep))
    graph.put(operator.output, name, planes=planes)


def _softmax(graph: Graph, operator: Operator) -> None:
    planes = graph.is_image(operator.output)
    source = (graph.planes if planes else graph.flat)(operator.inputs[0])
    if (beta := operator.options.Beta()) != 1:
        source = graph.nodes.add("Mul", source, graph.nodes.f32(beta))
    name = graph.nodes.add("Softmax", source, axis=1 if planes else -1)
    graph.put(operator.output, name, planes=planes)


def _winner(graph: Graph, operator: Operator) -> None:
    rank = len(graph.shape(operator.inputs[0]))
    axis = int(graph.required(operator.inputs[1]).ravel()[0]) % rank
    name = graph.nodes.add("ArgMax", graph.flat(operator.inputs[0]), axis=axis, keepdims=0)
    kind = operator.options.OutputType()
    if kind == tflite.TensorType.INT32:
        name = graph.nodes.add("Cast", name, to=6)  # TensorProto.INT32
    graph.put(operator.output, name, planes=False)


def _resized(mode: str) -> _Rule:
    def rule(graph: Graph, operator: Operator) -> None:
        options = operator.options
        sizes, results = graph.shape(operator.inputs[0])[1:3], graph.shape(operator.output)[1:3]
        factors = [factor(size, result) for size, result in zip(sizes, results, strict=True)]
        name = graph.nodes.add(
            "Resize",
            graph.planes(operator.inputs[0]),
            "",
            graph.nodes.f32([1.0, 1.0, *factors]),
            mode=mode,
            coordinate_transformation_mode=_coordinates(options),
            **({"nearest_mode": _nearest(options)} if mode == "nearest" else {}),
        )
        _put_planes(graph, operator, name)

    return rule


def _coordinates(options: Any) -> str:
    if options.AlignCorners():
        return "align_corners"
    return "half_pixel" if options.HalfPixelCenters() else "asymmetric"


def _nearest(options: Any) -> str:
    # TFLite takes the floor of (x + 0.5)·scale, without the half taken off again: that is rounding
    return "round_prefer_ceil" if options.AlignCorners() or options.HalfPixelCenters() else "floor"


def _reshaped(graph: Graph, operator: Operator) -> None:
    shape = graph.shape(operator.output)
    target = graph.nodes.i64(-1, *shape[1:]) if shape[:1] == [1] else graph.nodes.i64(*shape)
    name = graph.nodes.add("Reshape", graph.flat(operator.inputs[0]), target)
    graph.put(operator.output, name, planes=False)


def _turned(graph: Graph, operator: Operator) -> None:
    order = [int(axis) for axis in graph.required(operator.inputs[1])]
    name = graph.nodes.add("Transpose", graph.flat(operator.inputs[0]), perm=order)
    graph.put(operator.output, name, planes=False)


def _connected(graph: Graph, operator: Operator) -> None:
    weights = graph.required(operator.inputs[1])
    rows = graph.nodes.add("Reshape", graph.flat(operator.inputs[0]), graph.nodes.i64(-1, weights.shape[1]))
    name = graph.nodes.add("MatMul", rows, graph.nodes.const(weights.T))
    for bias in _bias(graph, operator.inputs[2:]):
        name = graph.nodes.add("Add", name, bias)
    name = _activated(graph, name, operator.options)
    shape = graph.shape(operator.output)
    if len(shape) != 2:
        name = graph.nodes.add("Reshape", name, graph.nodes.i64(-1, *shape[1:]))
    graph.put(operator.output, name, planes=False)


def _deepened(graph: Graph, operator: Operator) -> None:
    source = graph.planes(operator.inputs[0])
    name = graph.nodes.add("DepthToSpace", source, blocksize=operator.options.BlockSize(), mode="DCR")
    _put_planes(graph, operator, name)


def _put_planes(graph: Graph, operator: Operator, name: str) -> None:
    graph.put(operator.output, name, planes=True)


def _activated(graph: Graph, name: str, options: Any) -> str:
    """What an operator does to its own result at the end."""
    kinds = tflite.ActivationFunctionType
    match options.FusedActivationFunction():
        case kinds.NONE:
            return name
        case kinds.RELU:
            return graph.nodes.add("Relu", name)
        case kinds.RELU6:
            return _clip(graph, name, 0.0, 6.0)
        case kinds.RELU_N1_TO_1:
            return _clip(graph, name, -1.0, 1.0)
        case kinds.TANH:
            return graph.nodes.add("Tanh", name)
    raise PackageError(f"{graph.path}: an activation that is not known here")


def _clip(graph: Graph, name: str, low: float, high: float) -> str:
    return graph.nodes.add("Clip", name, graph.nodes.f32(low), graph.nodes.f32(high))


_RULES: dict[str, _Rule] = {
    "ABS": _single("Abs"),
    "ADD": _pair("Add"),
    "ARG_MAX": _winner,
    "AVERAGE_POOL_2D": _pool("AveragePool"),
    "CONCATENATION": _concatenated,
    "CONV_2D": _convolution,
    "Convolution2DTransposeBias": _transposed_with_bias,
    "DEPTHWISE_CONV_2D": _depthwise,
    "DEPTH_TO_SPACE": _deepened,
    "DEQUANTIZE": _dequantized,
    "DIV": _pair("Div"),
    "ELU": _single("Elu"),
    "EXP": _single("Exp"),
    "EXPAND_DIMS": _reshaped,
    "FULLY_CONNECTED": _connected,
    "HARD_SWISH": _single("HardSwish"),
    "LEAKY_RELU": _leaky,
    "LOGISTIC": _single("Sigmoid"),
    "MAXIMUM": _pair("Max"),
    "MAX_POOL_2D": _pool("MaxPool"),
    "MEAN": _mean,
    "MINIMUM": _pair("Min"),
    "MUL": _pair("Mul"),
    "NEG": _single("Neg"),
    "PAD": _padded,
    "PRELU": _pair("PRelu"),
    "RELU": _single("Relu"),
    "RELU6": _clipped(0.0, 6.0),
    "RELU_N1_TO_1": _clipped(-1.0, 1.0),
    "RESHAPE": _reshaped,
    "RESIZE_BILINEAR": _resized("linear"),
    "RESIZE_NEAREST_NEIGHBOR": _resized("nearest"),
    "SOFTMAX": _softmax,
    "SQUEEZE": _reshaped,
    "SUB": _pair("Sub"),
    "TANH": _single("Tanh"),
    "TRANSPOSE": _turned,
    "TRANSPOSE_CONV": _transposed,
}
