"""Taking a segmenter's graph apart at a tensor that everything flows through; needs `onnx`, no torch.

A *crossing* is a tensor that every path from the picture to the logits runs through (an articulation point
of the graph). A path that only asks for a size, through `Shape`, carries nothing of the picture and is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import onnx

IMAGE, LOGITS = "image", "logits"

_SIZES = {"Shape", "Size"}  # what a tensor holds does not reach their outputs
_MIXING = {"Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "MatMul", "Gemm", "Einsum"}
_LINEAR = _MIXING | {
    "Add", "AveragePool", "BatchNormalization", "Cast", "Concat", "DepthToSpace", "DequantizeLinear",
    "Dropout", "Expand", "Flatten", "Gather", "GlobalAveragePool", "Identity", "Pad", "QuantizeLinear",
    "ReduceMean", "ReduceSum", "Reshape", "Resize", "Slice", "SpaceToDepth", "Split", "Squeeze", "Sub", "Sum",
    "Tile", "Transpose", "Unsqueeze", "Upsample",
}  # fmt: skip
_SCALING = {"Mul", "Div"}  # linear while only one side comes from the picture


def crossings(model: Any) -> list[str]:
    """The crossings of a segmenter, the best one to gather evidence at first.

    Right before a 1×1 classifier, evidence is the logit by another name. So a hidden layer (a convolution,
    something not linear, a convolution) should lie between the crossing and the logits. Crossings with one
    come first, and among them those in which several paths meet (a pyramid's last sum, a U-Net's last
    concatenation); then nearness to the logits decides. In a decoder that is linear to its end (FCN), that
    leads back into the encoder; in a graph without any hidden layer, to the classifier's input.

    Args:
        model: `onnx.ModelProto` with the input `image` and the output `logits`.
    """
    nodes = _carriers(model.graph)
    carried = {IMAGE}.union(*(node.output for node in nodes))
    ranked = []
    for at, name in _crossings(nodes):
        deep = _has_hidden_layer(nodes[at + 1 :], carried)
        meets = len(carried & set(nodes[at].input)) > 1
        ranked.append((deep, deep and meets, at, name))
    return [name for *_, name in sorted(ranked, reverse=True)]


def part(model: Any, given: Mapping[str, Any], wanted: str) -> Any:
    """The part of a model that makes one tensor of others.

    Args:
        model: `onnx.ModelProto`.
        given: Where the part begins: `ValueInfoProto` by name; a tensor it does not need is no input.
        wanted: The tensor it ends with.

    Returns:
        An `onnx.ModelProto` of its own.
    """
    nodes = _ancestors(model.graph, wanted, set(given))
    read = {name for node in nodes for name in _reads(node)}
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    graph = cut.graph
    for old in (graph.node, graph.input, graph.output, graph.initializer, graph.value_info):
        del old[:]
    graph.node.extend(nodes)
    graph.input.extend(info for name, info in given.items() if name in read)
    graph.output.append(onnx.ValueInfoProto(name=wanted))  # its type is found by whoever loads the graph
    graph.initializer.extend(weight for weight in model.graph.initializer if weight.name in read)
    return cut


def _carriers(graph: Any) -> list[Any]:
    """The nodes that carry the picture to the logits; ONNX keeps them in topological order."""
    seen, reached = {IMAGE}, []
    for node in graph.node:
        if node.op_type not in _SIZES and seen & set(_reads(node)):
            seen.update(filter(None, node.output))
            reached.append(node)
    needed, carriers = {LOGITS}, []
    for node in reversed(reached):
        if needed & set(node.output):
            needed.update(_reads(node))
            carriers.append(node)
    return carriers[::-1]


def _crossings(nodes: Sequence[Any]) -> Iterator[tuple[int, str]]:
    """Crossings, each with the index of the node that makes it.

    Every carrier is before or behind a crossing, so in any topological order there is a moment right after
    its node when it alone is still to be read.
    """
    last = {name: at for at, node in enumerate(nodes) for name in _reads(node)}
    alive = {IMAGE}
    for at, node in enumerate(nodes):
        alive = {name for name in alive.union(node.output) if last.get(name, -1) > at}
        if len(alive) == 1:
            yield at, next(iter(alive))


def _has_hidden_layer(nodes: Sequence[Any], carried: AbstractSet[str]) -> bool:
    mixing = [at for at, node in enumerate(nodes) if node.op_type in _MIXING]
    between = nodes[mixing[0] : mixing[-1]] if mixing else []
    return any(not _is_linear(node, carried) for node in between)


def _is_linear(node: Any, carried: AbstractSet[str]) -> bool:
    if node.op_type in _SCALING:
        return len(carried & set(node.input)) < 2
    return node.op_type in _LINEAR


def _ancestors(graph: Any, wanted: str, given: AbstractSet[str]) -> list[Any]:
    """The nodes that a tensor is made by, from given ones on, in their order."""
    needed, found = {wanted}, []
    for node in reversed(graph.node):
        if (needed - given) & set(node.output):
            needed.update(_reads(node))
            found.append(node)
    return found[::-1]


def _reads(node: Any) -> list[str]:
    """Names a node reads, those inside the branches of an `If` or `Loop` among them."""
    inside = (child for attribute in node.attribute for child in attribute.g.node)
    return [*filter(None, node.input), *(name for child in inside for name in _reads(child))]
