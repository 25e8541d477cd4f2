"""TFLite's operators that move numbers and compute none, as ONNX nodes."""

from __future__ import annotations

import numpy as np

from streamseg.convert.tflite.convolutions import activated, put_planes
from streamseg.convert.tflite.graph import Graph
from streamseg.convert.tflite.reader import Operator

PLANE_AXIS = {0: 0, 1: 2, 2: 3, 3: 1}  # where each axis of TFLite's order lies with channels first


def concatenated(graph: Graph, operator: Operator) -> None:
    """CONCATENATION."""
    rank = len(graph.shape(operator.output))
    axis = operator.options.Axis() % rank
    planes = rank == 4
    names = [(graph.planes if planes else graph.flat)(index) for index in operator.inputs]
    name = graph.nodes.add("Concat", *names, axis=PLANE_AXIS[axis] if planes else axis)
    graph.put(operator.output, activated(graph, name, operator), planes=planes)


def padded(graph: Graph, operator: Operator) -> None:
    """PAD, PADV2: with 0 or a third input around; in integers that is the zero point, which stands for 0."""
    amounts = graph.required(operator.inputs[1]).astype(np.int64)
    fill = [graph.nodes.f32(graph.required(index).reshape(())) for index in operator.inputs[2:]]
    planes = graph.is_image(operator.output)
    if planes:
        amounts = amounts[[0, 3, 1, 2]]
    source = (graph.planes if planes else graph.flat)(operator.inputs[0])
    name = graph.nodes.add("Pad", source, graph.nodes.i64(*amounts.T.ravel().tolist()), *fill)
    graph.put(operator.output, name, planes=planes)


def tiled(graph: Graph, operator: Operator) -> None:
    """TILE."""
    counts = graph.required(operator.inputs[1]).astype(np.int64)
    planes = graph.is_image(operator.output)
    if planes:
        counts = counts[[0, 3, 1, 2]]
    source = (graph.planes if planes else graph.flat)(operator.inputs[0])
    name = graph.nodes.add("Tile", source, graph.nodes.i64(*counts.tolist()))
    graph.put(operator.output, name, planes=planes)


def reshaped(graph: Graph, operator: Operator) -> None:
    """RESHAPE, and what is one: EXPAND_DIMS, SQUEEZE."""
    shape = graph.shape(operator.output)
    target = graph.nodes.i64(-1, *shape[1:]) if shape[:1] == [1] else graph.nodes.i64(*shape)
    name = graph.nodes.add("Reshape", graph.flat(operator.inputs[0]), target)
    graph.put(operator.output, name, planes=False)


def turned(graph: Graph, operator: Operator) -> None:
    """TRANSPOSE."""
    order = [int(axis) for axis in graph.required(operator.inputs[1])]
    name = graph.nodes.add("Transpose", graph.flat(operator.inputs[0]), perm=order)
    graph.put(operator.output, name, planes=False)


def deepened(graph: Graph, operator: Operator) -> None:
    """DEPTH_TO_SPACE."""
    source = graph.planes(operator.inputs[0])
    name = graph.nodes.add("DepthToSpace", source, blocksize=operator.options.BlockSize(), mode="DCR")
    put_planes(graph, operator, name)
