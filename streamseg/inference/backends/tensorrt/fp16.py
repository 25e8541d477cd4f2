"""Half precision where it pays: convolutions, and what lies between two of them.

TensorRT computes in the types that the graph names. What comes before the first convolution (a picture's
normalisation) and after the last one (logits, gates, memory), and whatever has to do with places (flow,
sampling, shapes) stays in float32: it costs little there, and half precision cannot tell two neighbouring
cells of a wide picture apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto

_HEAVY = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_BETWEEN = set(
    """
    Add AveragePool BatchNormalization Clip Concat Div Elu Expand Flatten GlobalAveragePool GlobalMaxPool
    HardSigmoid HardSwish Identity LeakyRelu Max MaxPool Min Mul PRelu Pad ReduceMax ReduceMean Relu Reshape
    Resize Sigmoid Slice Softplus Split Squeeze Sub Tanh Transpose Unsqueeze
    """.split()  # noqa: SIM905 a list of words reads better than one of strings
)
_KEPT = {"Resize": {1, 2}}  # inputs that stay float: regions and scales
_FLOAT, _HALF = 1, 10  # onnx.TensorProto.DataType
_LARGEST = float(np.finfo(np.float16).max)


def halve(typed: ModelProto, model: ModelProto) -> None:
    """Rewrite a model in place.

    Args:
        typed: The model with the types of its tensors inferred.
        model: The model, its constants initializers.
    """
    nodes = list(model.graph.node)
    floats = _floats(typed)
    _Rewrite(model, floats, _between(nodes, floats)).run()


def _floats(typed: ModelProto) -> set[str]:
    graph = typed.graph
    values = {value.name for value in (*graph.value_info, *graph.input, *graph.output) if _is_float(value)}
    return values | {tensor.name for tensor in graph.initializer if tensor.data_type == _FLOAT}


def _is_float(value: Any) -> bool:
    return bool(value.type.tensor_type.elem_type == _FLOAT)


def _between(nodes: list[Any], floats: set[str]) -> list[bool]:
    """Which nodes run in half precision: the heavy, and those with a heavy one on either side of them."""
    heavy = [node.op_type in _HEAVY and node.output[0] in floats for node in nodes]
    light = [node.op_type in _BETWEEN and floats.issuperset(node.output) for node in nodes]
    after = _spread(range(len(nodes)), heavy, light, [(n.input, n.output) for n in nodes])
    before = _spread(range(len(nodes) - 1, -1, -1), heavy, light, [(n.output, n.input) for n in nodes])
    return [big or (one and other) for big, one, other in zip(heavy, after, before, strict=True)]


def _spread(
    order: Iterable[int],
    heavy: list[bool],
    light: list[bool],
    ends: list[tuple[Iterable[str], Iterable[str]]],
) -> list[bool]:
    """Which light nodes touch a heavy one, directly or through light ones; `ends`: where from, where to."""
    reached: set[str] = set()
    touched = [False] * len(heavy)
    for index in order:
        near, far = ends[index]
        touched[index] = light[index] and not reached.isdisjoint(near)
        if heavy[index] or touched[index]:
            reached.update(far)
    return touched


class _Rewrite:
    """One model on its way; `halved[i]`: node i runs in half precision."""

    def __init__(self, model: ModelProto, floats: set[str], halved: list[bool]) -> None:
        self._graph = model.graph
        self._floats = floats
        self._halved = halved
        self._weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self._made: set[str] = set()  # tensors that exist in half precision too
        self._nodes: list[Any] = []

    def run(self) -> None:
        nodes = list(self._graph.node)
        outside = {
            name for node, half in zip(nodes, self._halved, strict=True) if not half for name in node.input
        }
        outside |= {output.name for output in self._graph.output}
        for node, half in zip(nodes, self._halved, strict=True):
            if half:
                self._halve(node, outside)
            else:
                self._nodes.append(node)
        copies = [type(node).FromString(node.SerializeToString()) for node in self._nodes]
        del self._graph.node[:], self._graph.value_info[:]
        self._graph.node.extend(copies)

    def _halve(self, node: Any, outside: set[str]) -> None:
        kept = _KEPT.get(node.op_type, set())
        for index, name in enumerate(node.input):
            if index not in kept and name in self._floats:
                node.input[index] = self._in_half(name)
        outputs = list(node.output)
        for index, name in enumerate(outputs):
            node.output[index] = _half_name(name)
        self._nodes.append(node)
        self._made.update(outputs)
        self._nodes.extend(_cast(_half_name(name), name, _FLOAT) for name in outputs if name in outside)

    def _in_half(self, name: str) -> str:
        if name not in self._made:
            self._made.add(name)
            if name in self._weights:
                self._graph.initializer.append(_half_tensor(self._weights[name]))
            else:
                self._nodes.append(_cast(name, _half_name(name), _HALF))
        return _half_name(name)


def _half_name(name: str) -> str:
    return f"{name}__half"


def _cast(source: str, target: str, kind: int) -> Any:
    from onnx import helper  # noqa: PLC0415

    return helper.make_node("Cast", [source], [target], to=kind)


def _half_tensor(tensor: Any) -> Any:
    from onnx import numpy_helper  # noqa: PLC0415

    # the bounds of a Clip may be the largest float32
    array = np.clip(numpy_helper.to_array(tensor), -_LARGEST, _LARGEST).astype(np.float16)
    return numpy_helper.from_array(array, _half_name(tensor.name))
