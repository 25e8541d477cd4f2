"""An ONNX graph of a package as TensorRT takes it.

TensorRT knows uint8 only at the border: a picture must be made float first of all, and labels must become
bytes out of floats. Weights kept in half precision behind a Cast are unfolded, so that a convolution sees its
weights. What the daemon does not read is no output; and logits and memory get a small second output each,
their means over the plane, which carry any NaN or infinity: the device need not send them home to be looked
at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backends.cpu_engine import one_line
from streamseg.inference.backends.tensorrt.fp16 import halve

if TYPE_CHECKING:
    from onnx import ModelProto

CHECKED = {"logits": "logits_check", "memory_out": "memory_check"}  # output → its means, `[N, C, 1, 1]`
_READ = {"logits", "features", "labels", "confidence", "memory_out"}
_FLOAT, _UINT8 = 1, 2  # onnx.TensorProto.DataType
_INTEGERS = {3, 5, 6, 7, 12, 13}  # int8, int16, int32, int64, uint32, uint64


def prepared(content: bytes, name: str, precision: str) -> bytes:
    """The graph for TensorRT.

    Args:
        content: The ONNX file's bytes.
        name: The file, for errors.
        precision: `f16` puts its convolutions, and what lies between them, into half precision; else as it
            is.

    Raises:
        PackageError: No ONNX graph, or one that ONNX itself refuses.
        EngineError: `onnx` is not installed.
    """
    onnx = _onnx()
    try:
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model)
        _unfold(model)
        _read_only(model)
        _cast_pictures_first(model)
        _bytes_from_floats(onnx.shape_inference.infer_shapes(model), model)
        if precision == "f16":
            halve(onnx.shape_inference.infer_shapes(model), model)
        _check_outputs(model)
        _drop_unused(model)
        onnx.checker.check_model(model)
    except Exception as error:  # ONNX's and protobuf's share no base class but this
        raise PackageError(f"{name}: ONNX cannot read it: {one_line(error)}") from error
    result: bytes = model.SerializeToString()
    return result


def _onnx() -> Any:
    try:
        import onnx  # noqa: PLC0415
        import onnx.shape_inference  # noqa: PLC0415
    except ImportError as error:
        raise EngineError("a graph cannot be prepared for TensorRT without onnx: pip install onnx") from error
    return onnx


def _unfold(model: ModelProto) -> None:
    """Constants become initializers, and a Cast of one is done here."""
    from onnx import helper, numpy_helper  # noqa: PLC0415

    graph, kept = model.graph, []
    known = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and (tensor := _value_of(node)) is not None:
            known[node.output[0]] = _named(tensor, node.output[0])
        elif node.op_type == "Cast" and node.input[0] in known and _exact(node, known[node.input[0]]):
            target = helper.tensor_dtype_to_np_dtype(helper.get_node_attr_value(node, "to"))
            array = numpy_helper.to_array(known[node.input[0]]).astype(target)
            known[node.output[0]] = numpy_helper.from_array(array, node.output[0])
        else:
            kept.append(node)
    _replace(graph.node, kept)
    _replace(graph.initializer, list(known.values()))


def _value_of(node: Any) -> Any:
    return next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)


def _exact(cast: Any, tensor: Any) -> bool:
    """Whether a Cast only widens: a weight in half precision to float."""
    half = 10  # onnx.TensorProto.FLOAT16
    return bool(tensor.data_type == half and cast.attribute[0].i == _FLOAT)


def _named(tensor: Any, name: str) -> Any:
    copy = type(tensor)()
    copy.CopyFrom(tensor)
    copy.name = name
    return copy


def _read_only(model: ModelProto) -> None:
    _replace(model.graph.output, [output for output in model.graph.output if output.name in _READ])


def _cast_pictures_first(model: ModelProto) -> None:
    from onnx import helper  # noqa: PLC0415

    graph, casts = model.graph, []
    for value in graph.input:
        if value.type.tensor_type.elem_type == _UINT8:
            first = f"{value.name}__float"
            for node in graph.node:
                _rename(node.input, value.name, first)
            casts.append(helper.make_node("Cast", [value.name], [first], to=_FLOAT))
    _replace(graph.node, [*casts, *graph.node])
    del graph.value_info[:]  # what was uint8 on its way may be float now


def _bytes_from_floats(typed: ModelProto, model: ModelProto) -> None:
    from onnx import helper  # noqa: PLC0415

    integers = {
        value.name for value in typed.graph.value_info if value.type.tensor_type.elem_type in _INTEGERS
    }
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Cast" and node.attribute[0].i == _UINT8 and node.input[0] in integers:
            middle = f"{node.output[0]}__float"
            nodes.append(helper.make_node("Cast", [node.input[0]], [middle], to=_FLOAT))
            node.input[0] = middle
        nodes.append(node)
    _replace(model.graph.node, nodes)


def _check_outputs(model: ModelProto) -> None:
    from onnx import helper  # noqa: PLC0415

    for value in list(model.graph.output):
        if check := CHECKED.get(value.name):
            batch, channels = value.type.tensor_type.shape.dim[:2]
            shape = [batch.dim_param or batch.dim_value, channels.dim_param or channels.dim_value, 1, 1]
            model.graph.node.append(helper.make_node("GlobalAveragePool", [value.name], [check]))
            model.graph.output.append(helper.make_tensor_value_info(check, _FLOAT, shape))


def _drop_unused(model: ModelProto) -> None:
    graph = model.graph
    used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    _replace(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in used])


def _rename(names: Any, old: str, new: str) -> None:
    for index, name in enumerate(names):
        if name == old:
            names[index] = new


def _replace(field: Any, content: list[Any]) -> None:
    """Give a repeated field of protobuf another content."""
    copies = [type(entry).FromString(entry.SerializeToString()) for entry in content]
    del field[:]
    field.extend(copies)
