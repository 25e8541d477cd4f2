"""The scores in front of an ArgMax: what a network knows of each class before it names the strongest."""

from __future__ import annotations

from typing import Any

from onnx import shape_inference

_AFTER_LABELS = {"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"}  # change no class id
_CHANNELS = (1, 3)  # where `[N, C, h, w]` and `[N, h, w, C]` have them


def with_scores(model: Any, answer: str) -> tuple[Any, str]:
    """The model with the scores as its output, where its labels are nothing but their ArgMax.

    Args:
        model: An `onnx.ModelProto`; it is not changed.
        answer: Name of the output that is meant.

    Returns:
        Model and name of the output. Both as they were where the scores of all classes do not lie in one
        tensor of four dimensions.
    """
    made_by = {name: node for node in model.graph.node for name in node.output}
    node = made_by.get(answer)
    while node is not None and node.op_type in _AFTER_LABELS:
        node = made_by.get(node.input[0])
    if node is None or node.op_type != "ArgMax":
        return model, answer
    axis = next((entry.i for entry in node.attribute if entry.name == "axis"), 0)
    scores = _described(model, node.input[0])
    rank = 0 if scores is None else len(scores.type.tensor_type.shape.dim)
    if rank != len("NCHW") or axis % rank not in _CHANNELS:
        return model, answer
    return _given(model, scores), node.input[0]


def _described(model: Any, name: str) -> Any | None:
    """Type and shape of a tensor; None where they cannot be told."""
    graph = shape_inference.infer_shapes(model).graph
    entries = (*graph.value_info, *graph.output, *graph.input)
    known = (entry for entry in entries if entry.type.tensor_type.HasField("shape"))
    return next((entry for entry in known if entry.name == name), None)


def _given(model: Any, tensor: Any) -> Any:
    """The model with this tensor as its only output, without the nodes that nobody needs then."""
    made = type(model)()
    made.CopyFrom(model)
    del made.graph.output[:]
    made.graph.output.append(tensor)
    needed, kept = {tensor.name}, []
    for node in reversed(made.graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input) | _captured(node)
    del made.graph.node[:]
    made.graph.node.extend(reversed(kept))
    return made


def _captured(node: Any) -> set[str]:
    """What the graphs inside of a node (If, Loop) take from outside of them, and their own names."""
    inner = [entry.g for entry in node.attribute if entry.HasField("g")]
    names = {name for graph in inner for part in graph.node for name in (*part.input, *part.output)}
    names |= {entry.name for graph in inner for entry in graph.output}
    return names.union(*(_captured(part) for graph in inner for part in graph.node)) if inner else names
