"""The graph around a network: a picture in as every package takes it, logits out."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, compose, helper

from streamseg.convert.network import Network
from streamseg.convert.onnx_builder import OnnxBuilder, checked
from streamseg.convert.options import ConvertOptions, Layout
from streamseg.convert.output_detection import OutputInterpretation, OutputKind

ANSWER = "answer"  # the network's own output, renamed
INSIDE = "network/"  # begins every name of the network, so that none is one of ours
SURE = 10.0  # logit of the class a label map names; of the others 0
SMALLEST = 1e-6  # probability whose logarithm is still an ordinary logit

Batch = int | str  # 1, or the name of a dimension that is not fixed


def with_picture(network: Network, asked: ConvertOptions, batch: Batch) -> Any:
    """The network behind `image` uint8 `[N, H, W, 3]`; its answer, of whatever shape, is called `ANSWER`."""
    before = OnnxBuilder("before/")
    width, height = asked.size_wh or network.size_wh
    fed = _pixels(before, network, asked)
    inner = _renamed(network, fed)
    before.add("Identity", INSIDE + network.answer, output=ANSWER)
    graph = inner.graph
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [batch, height, width, 3])
    whole = helper.make_graph(
        [*before.nodes[:-1], *graph.node, before.nodes[-1]],
        "segmenter",
        [image],
        [_output(graph, INSIDE + network.answer)],
        [*before.constants, *graph.initializer],
        sparse_initializer=graph.sparse_initializer,
    )
    return helper.make_model(
        whole, opset_imports=inner.opset_import, ir_version=inner.ir_version, functions=inner.functions
    )


def with_logits(model: Any, reading: OutputInterpretation, classes: int, batch: Batch) -> Any:
    """What `with_picture` made, with its answer turned into `logits` `[N, C, h, w]`."""
    after = OnnxBuilder("after/")
    _logits(after, reading, classes)
    graph = model.graph
    graph.node.extend(after.nodes)
    graph.initializer.extend(after.constants)
    del graph.output[:]
    shape = [batch, classes, *reading.plane]
    graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape))
    return checked(model)


def _pixels(nodes: OnnxBuilder, network: Network, asked: ConvertOptions) -> str:
    """From `image` to what the network is fed."""
    pixels = nodes.add("Cast", "image", to=TensorProto.FLOAT)
    if asked.bgr:
        pixels = nodes.add("Gather", pixels, nodes.i64(2, 1, 0), axis=3)
    pixels = nodes.add("Transpose", pixels, perm=[0, 3, 1, 2])
    if asked.size_wh not in (None, network.size_wh):
        pixels = _resized(nodes, pixels, asked, network)
    if network.image_type != TensorProto.UINT8:
        pixels = _normalised(nodes, pixels, asked)
    else:
        pixels = nodes.add("Round", pixels)
    if network.layout is Layout.NHWC:
        pixels = nodes.add("Transpose", pixels, perm=[0, 2, 3, 1])
    return nodes.add("Cast", pixels, to=network.image_type)


def _resized(nodes: OnnxBuilder, pixels: str, asked: ConvertOptions, network: Network) -> str:
    assert asked.size_wh is not None  # noqa: S101 - its caller asked
    (width, height), (to_width, to_height) = asked.size_wh, network.size_wh
    factors = nodes.f32([1, 1, factor(height, to_height), factor(width, to_width)])
    return nodes.add(
        "Resize", pixels, "", factors, mode="linear", coordinate_transformation_mode="half_pixel"
    )


def factor(size: int, to: int) -> float:
    """The factor of a Resize that gives exactly `to`: it takes the floor of a product of float32."""
    exact = np.float32(to / size)
    whole = np.floor(exact * np.float32(size)) == to
    return float(exact if whole else np.nextafter(exact, np.float32(np.inf)))


def _normalised(nodes: OnnxBuilder, pixels: str, asked: ConvertOptions) -> str:
    mean, std = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (asked.mean, asked.std))
    unit = nodes.add("Div", pixels, nodes.f32(asked.scale))
    return nodes.add("Div", nodes.add("Sub", unit, nodes.f32(mean)), nodes.f32(std))


def _renamed(network: Network, fed: str) -> Any:
    """The network with every name its own, fed by ours."""
    inner = compose.add_prefix(network.model, INSIDE)
    for node in inner.graph.node:
        for index, name in enumerate(node.input):
            if name == INSIDE + network.image:
                node.input[index] = fed
    return inner


def _output(graph: Any, name: str) -> Any:
    """The answer under its new name, its sizes forgotten: they may hold for one picture only."""
    kind = next(entry for entry in graph.output if entry.name == name).type.tensor_type.elem_type
    return helper.make_tensor_value_info(ANSWER, kind, None)


def _logits(nodes: OnnxBuilder, reading: OutputInterpretation, classes: int) -> None:
    match reading.meaning:
        case OutputKind.LABELS:
            _from_labels(nodes, reading, classes)
        case OutputKind.ONE_PROBABILITY | OutputKind.ONE_LOGIT:
            _from_one(nodes, reading)
        case OutputKind.PROBABILITIES | OutputKind.LOGITS:
            scores = _planar(nodes, nodes.add("Cast", ANSWER, to=TensorProto.FLOAT), reading)
            if reading.meaning is OutputKind.PROBABILITIES:
                scores = nodes.add("Log", nodes.add("Max", scores, nodes.f32(SMALLEST)))
            nodes.add("Identity", scores, output="logits")


def _from_labels(nodes: OnnxBuilder, reading: OutputInterpretation, classes: int) -> None:
    ids = nodes.add("Cast", _squeezed(nodes, ANSWER, reading), to=TensorProto.INT64)
    depth, values = nodes.i64(classes), nodes.f32([0.0, SURE])
    nodes.add("OneHot", ids, depth, values, axis=1, output="logits")


def _from_one(nodes: OnnxBuilder, reading: OutputInterpretation) -> None:
    """Two logits whose softmax is the one channel's sigmoid."""
    one = nodes.add("Cast", ANSWER, to=TensorProto.FLOAT)
    if reading.meaning is OutputKind.ONE_PROBABILITY:
        sure = nodes.add("Clip", one, nodes.f32(SMALLEST), nodes.f32(1 - SMALLEST))
        other = nodes.add("Sub", nodes.f32(1.0), sure)
        one = nodes.add("Sub", nodes.add("Log", sure), nodes.add("Log", other))
    half = nodes.add("Mul", _spread(nodes, one, reading), nodes.f32(0.5))
    nodes.add("Concat", nodes.add("Neg", half), half, axis=1, output="logits")


def _planar(nodes: OnnxBuilder, name: str, reading: OutputInterpretation) -> str:
    return nodes.add("Transpose", name, perm=[0, 3, 1, 2]) if reading.channels == 3 else name


def _squeezed(nodes: OnnxBuilder, name: str, reading: OutputInterpretation) -> str:
    """`[N, h, w]`."""
    return name if reading.channels is None else nodes.add("Squeeze", name, nodes.i64(reading.channels))


def _spread(nodes: OnnxBuilder, name: str, reading: OutputInterpretation) -> str:
    """`[N, 1, h, w]`."""
    if reading.channels is None:
        return nodes.add("Unsqueeze", name, nodes.i64(1))
    return _planar(nodes, name, reading)
