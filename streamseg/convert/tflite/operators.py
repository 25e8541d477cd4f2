"""TFLite networks as ONNX ones: the operators that segmentation networks are made of, each as ONNX nodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from streamseg.convert.adapters import factor
from streamseg.convert.shapes import (
    PLANE_AXIS,
    concatenated,
    deepened,
    padded,
    reshaped,
    tiled,
    turned,
)
from streamseg.convert.tflite.convolutions import (
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
from streamseg.convert.tflite.graph import Form, Graph
from streamseg.convert.tflite.reader import DAMAGED, Operator, TfliteFile
from streamseg.errors import PackageError
from streamseg.inference.backends.cpu_engine import one_line


def read_tflite(path: Path, form: Form = Form.FLOAT, *, real_input: bool = False) -> Any:
    """A TFLite network as an ONNX model, its batch not fixed.

    Args:
        path: The file.
        form: What becomes of integers that flow through the network; without such both forms are equal.
        real_input: A quantised input takes real numbers (float32) and quantises them; else uint8, 0…255. What
            a quantised output gives are real numbers in any case.

    Raises:
        PackageError: It cannot be read, or has operators or types that are not known here; names all of them.
    """
    try:
        return _converted(TfliteFile(path), form, real_input=real_input).model()
    except DAMAGED as error:
        raise PackageError(f"{path}: is damaged: {one_line(error)}") from error


def is_quantized(path: Path) -> bool:
    """Whether a TFLite network computes in integers. Raises PackageError where the file cannot be read."""
    try:
        return TfliteFile(path).quantized
    except DAMAGED as error:
        raise PackageError(f"{path}: is damaged: {one_line(error)}") from error


def _converted(file: TfliteFile, form: Form, *, real_input: bool) -> Graph:
    problems = file.problems()
    if unknown := sorted({operator.name for operator in file.operators} - set(_RULES)):
        problems.append(
            f"{file.path}: has operators that are not known here: {', '.join(unknown)}; "
            "export the network as ONNX instead"
        )
    try:
        graph = Graph(file, form, real_input=real_input)
        problems += _convert(graph, file.operators)
    except (*DAMAGED, PackageError):
        if not problems:  # what follows from them is not told
            raise
    if problems:
        raise PackageError("\n".join(dict.fromkeys(problems)))
    return graph


def _convert(graph: Graph, operators: Sequence[Operator]) -> list[str]:
    """Puts every operator that it can; gives back what is wrong with the others."""
    problems = []
    for operator in operators:
        try:
            _put(graph, operator)
        except PackageError as error:
            problems.append(str(error))
        graph.skip(operator)
    return problems


def _put(graph: Graph, operator: Operator) -> None:
    if operator.name not in _RULES:
        return
    _RULES[operator.name](graph, operator)
    inside = operator.name in _WITHIN_ONE or (operator.name in _SAME_RANGE and graph.keeps_range(operator))
    graph.requantize(operator.output, inside=inside, half_up=operator.name == "RESIZE_BILINEAR")


def _pair(kind: str) -> Rule:
    """Arithmetic on two tensors."""

    def rule(graph: Graph, operator: Operator) -> None:
        planes = graph.is_image(operator.output)
        form = graph.planes if planes else graph.flat
        name = graph.nodes.add(kind, *(form(index) for index in operator.inputs))
        fused = kind in ("Add", "Sub", "Mul", "Div")
        graph.put(operator.output, activated(graph, name, operator) if fused else name, planes=planes)

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
        _single("Identity")(graph, operator)
    else:
        graph.set_constant(operator.output, value.astype(np.float32))


def _cast(graph: Graph, operator: Operator) -> None:
    """Class ids in another type of integers; numbers that have a scale are not cast but quantised."""
    kind = graph.element_type(operator.output)
    _single("Cast", to=kind)(graph, operator)


def _mean(graph: Graph, operator: Operator) -> None:
    rank = len(graph.shape(operator.inputs[0]))
    axes = [int(axis) % rank for axis in graph.required(operator.inputs[1]).ravel()]
    keep = operator.options.KeepDims()
    planes = rank == 4 and graph.is_image(operator.output)
    source = (graph.planes if planes else graph.flat)(operator.inputs[0])
    axes = sorted(PLANE_AXIS[axis] for axis in axes) if planes else axes
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


def _connected(graph: Graph, operator: Operator) -> None:
    columns = graph.shape(operator.inputs[1])[1]
    rows = graph.nodes.add("Reshape", graph.flat(operator.inputs[0]), graph.nodes.i64(-1, columns))
    name = graph.nodes.add("MatMul", rows, graph.weight(operator.inputs[1], (1, 0)))
    for bias in bias_of(graph, operator.inputs[2:]):
        name = graph.nodes.add("Add", name, bias)
    name = activated(graph, name, operator)
    shape = graph.shape(operator.output)
    if len(shape) != 2:
        name = graph.nodes.add("Reshape", name, graph.nodes.i64(-1, *shape[1:]))
    graph.put(operator.output, name, planes=False)


_RULES: dict[str, Rule] = {
    "ABS": _single("Abs"),
    "ADD": _pair("Add"),
    "ARG_MAX": _winner,
    "AVERAGE_POOL_2D": pool("AveragePool"),
    "CAST": _cast,
    "CONCATENATION": concatenated,
    "CONV_2D": convolution,
    "Convolution2DTransposeBias": transposed_with_bias,
    "DEPTHWISE_CONV_2D": depthwise,
    "DEPTH_TO_SPACE": deepened,
    "DEQUANTIZE": _dequantized,
    "DIV": _pair("Div"),
    "ELU": _single("Elu"),
    "EXP": _single("Exp"),
    "EXPAND_DIMS": reshaped,
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
    "PAD": padded,
    "PADV2": padded,
    "PRELU": _pair("PRelu"),
    "QUANTIZE": _single("Identity"),
    "RELU": _single("Relu"),
    "RELU6": _clipped(0.0, 6.0),
    "RELU_N1_TO_1": _clipped(-1.0, 1.0),
    "RESHAPE": reshaped,
    "RESIZE_BILINEAR": _resized("linear"),
    "RESIZE_NEAREST_NEIGHBOR": _resized("nearest"),
    "SOFTMAX": _softmax,
    "SQUEEZE": reshaped,
    "SUB": _pair("Sub"),
    "TANH": _single("Tanh"),
    "TILE": tiled,
    "TRANSPOSE": turned,
    "TRANSPOSE_CONV": transposed,
}
# what these give is nowhere outside of what goes in
_SAME_RANGE = frozenset(
    """
    AVERAGE_POOL_2D CONCATENATION DEPTH_TO_SPACE EXPAND_DIMS MAX_POOL_2D MAXIMUM MEAN MINIMUM PAD RESHAPE
    RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SQUEEZE TILE TRANSPOSE
    """.split()  # noqa: SIM905 a list of words reads better than one of strings
)
# TFLite gives these the range of their function, less one step at the end
_WITHIN_ONE = frozenset({"LOGISTIC", "SOFTMAX", "TANH"})
