"""TFLite networks as ONNX ones: the operators that segmentation networks are made of, each as ONNX nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tflite

from streamseg.errors import PackageError
from streamseg.inference.host import one_line
from streamseg.inference.wrap.compose import factor
from streamseg.inference.wrap.convolutions import (
    Rule,
    activated,
    bias_of,
    clip,
    convolution,
    depthwise,
    pool,
    put_planes,
    transposed,
    transposed_with_bias,
)
from streamseg.inference.wrap.tflite import DAMAGED, Graph, Operator

_PLANE_AXIS = {0: 0, 1: 2, 2: 3, 3: 1}  # where each axis of TFLite's order lies with channels first


def read_tflite(path: Path) -> Any:
    """A TFLite network as an ONNX model, its batch not fixed.

    Raises:
        PackageError: It cannot be read, or has operators or types that are not known here.
    """
    try:
        graph = Graph(path)
        _convert(graph)
        return graph.model()
    except DAMAGED as error:
        raise PackageError(f"{path}: is damaged: {one_line(error)}") from error


def _convert(graph: Graph) -> None:
    operators = graph.operators
    if unknown := sorted({operator.name for operator in operators} - set(_RULES)):
        raise PackageError(
            f"{graph.path}: has operators that are not known here: {', '.join(unknown)}; "
            "export the network as ONNX instead"
        )
    for operator in operators:
        _RULES[operator.name](graph, operator)


def _pair(kind: str) -> Rule:
    """Arithmetic on two tensors."""

    def rule(graph: Graph, operator: Operator) -> None:
        planes = graph.is_image(operator.output)
        form = graph.planes if planes else graph.flat
        name = graph.nodes.add(kind, *(form(index) for index in operator.inputs))
        fused = kind in ("Add", "Sub", "Mul", "Div")
        graph.put(operator.output, activated(graph, name, operator.options) if fused else name, planes=planes)

    return rule


def _single(kind: str, **attributes: Any) -> Rule:
    """What is done to each number by itself."""

    def rule(graph: Graph, operator: Operator) -> None:
        planes = graph.in_planes(operator.inputs[0])
        source = (graph.planes if planes else graph.flat)(operator.inputs[0])
        graph.put(operator.output, graph.nodes.add(kind, source, **attributes), planes=planes)

    return rule


def _clipped(low: float, high: float) -> Rule:
    def rule(graph: Graph, operator: Operator) -> None:
        planes = graph.in_planes(operator.inputs[0])
        source = (graph.planes if planes else graph.flat)(operator.inputs[0])
        graph.put(operator.output, clip(graph, source, low, high), planes=planes)

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
    graph.put(operator.output, activated(graph, name, operator.options), planes=planes)


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


def _resized(mode: str) -> Rule:
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
        put_planes(graph, operator, name)

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
    for bias in bias_of(graph, operator.inputs[2:]):
        name = graph.nodes.add("Add", name, bias)
    name = activated(graph, name, operator.options)
    shape = graph.shape(operator.output)
    if len(shape) != 2:
        name = graph.nodes.add("Reshape", name, graph.nodes.i64(-1, *shape[1:]))
    graph.put(operator.output, name, planes=False)


def _deepened(graph: Graph, operator: Operator) -> None:
    source = graph.planes(operator.inputs[0])
    name = graph.nodes.add("DepthToSpace", source, blocksize=operator.options.BlockSize(), mode="DCR")
    put_planes(graph, operator, name)


_RULES: dict[str, Rule] = {
    "ABS": _single("Abs"),
    "ADD": _pair("Add"),
    "ARG_MAX": _winner,
    "AVERAGE_POOL_2D": pool("AveragePool"),
    "CONCATENATION": _concatenated,
    "CONV_2D": convolution,
    "Convolution2DTransposeBias": transposed_with_bias,
    "DEPTHWISE_CONV_2D": depthwise,
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
    "MAX_POOL_2D": pool("MaxPool"),
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
    "TRANSPOSE_CONV": transposed,
}
