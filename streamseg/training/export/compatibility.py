"""Whether ONNX Runtime, OpenVINO and TensorRT all take an ONNX graph, found out before it ships."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx

from streamseg.errors import TrainingError

OPSETS = range(17, 21)
# Operators that all three name in their lists: ONNX Runtime's OperatorKernels.md, OpenVINO's "Supported
# Operations - ONNX", TensorRT's (onnx-tensorrt) operators.md; and that compute the same there in any batch.
# Control flow, random numbers, sequences and shapes that depend on values are left out on purpose.
OPERATORS = frozenset(
    """
    Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat Constant
    ConstantOfShape Conv ConvTranspose DepthToSpace DequantizeLinear Div Elu Equal Erf Exp Expand
    Flatten Floor Gather Gemm GlobalAveragePool GlobalMaxPool Greater GridSample HardSigmoid
    HardSwish Identity LeakyRelu Less Log LogSoftmax MatMul Max MaxPool Min Mul Neg Not Or PRelu Pad
    Pow QuantizeLinear Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceSum Relu Reshape Resize
    Shape Sigmoid Sign Slice Softmax Softplus SpaceToDepth Split Sqrt Squeeze Sub Tanh Tile
    Transpose Unsqueeze Where
    """.split()  # noqa: SIM905 a list of words reads better than one of strings
)
_TYPES = {onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8}


def check_portability(model: Any, name: str) -> None:
    """Refuse a graph that some backend would not take.

    Args:
        model: An `onnx.ModelProto`.
        name: How the texts call it.

    Raises:
        TrainingError: With every reason, one line each.
    """
    problems = [f"{name}: {problem}" for problem in _problems(model)]
    if problems:
        raise TrainingError("the graph would not run on every backend:\n" + "\n".join(problems))


def _problems(model: Any) -> Iterator[str]:
    for imported in model.opset_import:
        if imported.domain not in {"", "ai.onnx"}:
            yield f"operators of the domain {imported.domain}: only ONNX's own are taken everywhere"
        elif imported.version not in OPSETS:
            yield f"opset {imported.version}: must be {OPSETS[0]} to {OPSETS[-1]}"
    strange = sorted({node.op_type for node in model.graph.node} - OPERATORS)
    if strange:
        yield f"operators {', '.join(strange)}: not taken by ONNX Runtime, OpenVINO and TensorRT alike"
    for value in (*model.graph.input, *model.graph.output):
        yield from _of_value(value)
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            yield f"{tensor.name}: its weights lie in another file, which a package does not hold"


def _of_value(value: Any) -> Iterator[str]:
    tensor = value.type.tensor_type
    batch, *sizes = tensor.shape.dim or [None]
    if batch is None or not batch.dim_param:
        yield f"{value.name}: its first dimension must be open: it is the batch"
    if any(size.dim_value <= 0 for size in sizes):
        yield f"{value.name}: its dimensions but the batch must be fixed"
    if tensor.elem_type not in _TYPES:
        kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
        yield f"{value.name}: is {kind}; what goes in and out must be float32 or uint8"
