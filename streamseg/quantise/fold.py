"""A segmenter as the quantiser wants it: float32 weights, no sums of constants, padding in convolutions.

Weights that are stored in half precision behind a Cast would not be seen as weights. A Pad before a
convolution would stand between the quantised tensor and its consumer, and be computed in float.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import numpy_helper

from streamseg.errors import PackageError
from streamseg.inference.backends.cpu_engine import one_line


def fold(path: Path) -> onnx.ModelProto:
    """Reads a graph and simplifies it; what it computes stays the same.

    Raises:
        PackageError: It cannot be read.
    """
    try:
        model = _without_constant_arithmetic(path)
    except Exception as error:  # ONNX Runtime's exceptions share no base class but this
        raise PackageError(f"{path}: ONNX Runtime cannot fold it: {one_line(error)}") from error
    _pad_in_convolutions(model.graph)
    _name_nodes(model.graph)
    drop_unused(model)
    return model


def drop_unused(model: onnx.ModelProto) -> None:
    """Removes weights that no node reads, and operator sets that none is of."""
    used = {name for node in model.graph.node for name in node.input}
    for tensor in [one for one in model.graph.initializer if one.name not in used]:
        model.graph.initializer.remove(tensor)
    domains = {node.domain for node in model.graph.node}
    for imported in [one for one in model.opset_import if one.domain not in domains]:
        model.opset_import.remove(imported)


def _without_constant_arithmetic(path: Path) -> onnx.ModelProto:
    options = ort.SessionOptions()
    # basic: ONNX's own operators only, and nothing that depends on this machine
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3  # errors
    with tempfile.TemporaryDirectory() as folder:
        folded = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(folded)
        ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return onnx.load(folded)


def _pad_in_convolutions(graph: onnx.GraphProto) -> None:
    """Moves zero padding into the convolution behind it, where that is the only one to read it."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    readers = Counter(name for node in graph.node for name in node.input)
    convolutions = {node.input[0]: node for node in graph.node if node.op_type == "Conv"}
    for pad in [node for node in graph.node if node.op_type == "Pad"]:
        convolution = convolutions.get(pad.output[0])
        sizes = _zeros_around(pad, constants)
        if convolution is None or sizes is None or readers[pad.output[0]] > 1:
            continue
        _widen(convolution, sizes)
        convolution.input[0] = pad.input[0]
        graph.node.remove(pad)


def _zeros_around(pad: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> list[int] | None:
    """`[top, left, bottom, right]` of a Pad that adds zeros around planes; None for any other."""
    modes = [attribute.s for attribute in pad.attribute if attribute.name == "mode"]
    sizes = _constant(pad, 1, constants)
    value = _constant(pad, 2, constants)
    if modes not in ([], [b"constant"]) or sizes is None or sizes.size != 8:
        return None
    if np.any(sizes[[0, 1, 4, 5]]) or np.any(sizes < 0) or (value is not None and np.any(value)):
        return None
    has_unknown_value = len(pad.input) > 2 and bool(pad.input[2]) and value is None
    return None if has_unknown_value or len(pad.input) > 3 else [int(size) for size in sizes[[2, 3, 6, 7]]]


def _constant(
    node: onnx.NodeProto, index: int, constants: Mapping[str, onnx.TensorProto]
) -> NDArray[Any] | None:
    name = node.input[index] if index < len(node.input) else ""
    return numpy_helper.to_array(constants[name]) if name in constants else None


def _widen(convolution: onnx.NodeProto, by: list[int]) -> None:
    own = [attribute for attribute in convolution.attribute if attribute.name == "pads"]
    before = list(own[0].ints) if own else [0, 0, 0, 0]
    for attribute in own:
        convolution.attribute.remove(attribute)
    total = [a + b for a, b in zip(before, by, strict=True)]
    convolution.attribute.append(onnx.helper.make_attribute("pads", total))


def _name_nodes(graph: onnx.GraphProto) -> None:
    """Every node gets a name of its own: layers are left in float by name."""
    taken: set[str] = set()
    for node in graph.node:
        if not node.name or node.name in taken:
            node.name = node.output[0]
        taken.add(node.name)
