"""A network's file, and which of its tensors is the picture and which the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, version_converter

from streamseg.convert.onnx_builder import OPSET
from streamseg.convert.options import ConvertOptions, Layout, Output
from streamseg.convert.scores import with_scores
from streamseg.errors import PackageError
from streamseg.inference.backends.cpu_engine import one_line

OLDEST = 13  # opset from which on the nodes put around a network mean what they say
COLOURS = 3
_PIXELS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UINT8)


@dataclass(frozen=True, slots=True)
class Network:
    """A network and its two ends.

    Attributes:
        model: ONNX, of opset 13 or later.
        image: Name of the tensor that takes the picture.
        image_type: Its element type (`TensorProto`).
        layout: Where it has its channels.
        size_wh: Size of the picture it takes, pixels.
        answer: Name of the tensor that is meant: an output, or the scores in front of its ArgMax.
        qdq: The same network as it computes in integers (QDQ); None where it does not.
    """

    model: Any
    image: str
    image_type: int
    layout: Layout
    size_wh: tuple[int, int]
    answer: str
    qdq: Network | None = None


def read_network(path: Path, asked: ConvertOptions) -> Network:
    """Reads a network and finds its ends.

    Raises:
        PackageError: It cannot be read, or is none that takes one picture; says what to do.
    """
    network = look_at(_modern(_read(path, asked), path), path, asked)
    qdq = _read_qdq(path, asked) if path.suffix == ".tflite" else None
    return network if qdq is None else replace(network, qdq=look_at(qdq, path, asked))


def look_at(model: Any, path: Path, asked: ConvertOptions) -> Network:
    """Finds the ends of an ONNX network; `path` is for errors."""
    image = _picture(model, path)
    shape = [size.dim_value for size in image.type.tensor_type.shape.dim]  # 0: not fixed
    layout = asked.layout or _layout(shape, path)
    height, width = shape[2:] if layout is Layout.NCHW else shape[1:3]
    if shape[1 if layout is Layout.NCHW else 3] not in (COLOURS, 0):
        raise PackageError(f"{path}: input {image.name!r} {shape} has no three channels as {layout}")
    if not (width and height) and asked.size_wh is None:
        raise PackageError(f"{path}: takes pictures of any size; say which: --size 640x480")
    kind = image.type.tensor_type.elem_type
    if kind == TensorProto.UINT8 and not asked.plain:
        raise PackageError(f"{path}: takes bytes as they are; leave --mean, --std and --scale out")
    size_wh = (width, height) if width and height else asked.size_wh
    assert size_wh is not None  # noqa: S101 - the two conditions above
    answer = _answer(model, path, asked)
    if asked.output is not Output.LABELS:
        model, answer = with_scores(model, answer)
    return Network(model, image.name, kind, layout, size_wh, answer)


def _read(path: Path, asked: ConvertOptions) -> Any:
    if path.suffix == ".tflite":
        from streamseg.convert.tflite.operators import read_tflite  # noqa: PLC0415 - needs one more library

        return read_tflite(path, real_input=not asked.plain)
    try:
        return onnx.load(path)
    except OSError as error:
        raise PackageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # protobuf's own, and those of external data
        raise PackageError(f"{path}: is no ONNX model: {one_line(error)}") from error


def _read_qdq(path: Path, asked: ConvertOptions) -> Any | None:
    """A TFLite network that computes in integers, with its own scales; None where it computes in float."""
    from streamseg.convert.tflite.graph import Form  # noqa: PLC0415
    from streamseg.convert.tflite.operators import is_quantized, read_tflite  # noqa: PLC0415 - as above

    return read_tflite(path, Form.QDQ, real_input=not asked.plain) if is_quantized(path) else None


def _modern(model: Any, path: Path) -> Any:
    """The model in an opset whose nodes can be mixed with ours."""
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset >= OLDEST:
        return model
    try:
        return version_converter.convert_version(model, OPSET)
    except Exception as error:  # the converter raises what it likes
        raise PackageError(
            f"{path}: is of opset {opset}, which cannot be brought to {OPSET} ({one_line(error)}); "
            f"export it again with opset {OPSET}"
        ) from error


def _picture(model: Any, path: Path) -> Any:
    weights = {weight.name for weight in model.graph.initializer}
    inputs = [entry for entry in model.graph.input if entry.name not in weights]
    if len(inputs) != 1:
        raise PackageError(
            f"{path}: takes {_named(inputs)}; only networks with one picture as input can be converted"
        )
    tensor = inputs[0].type.tensor_type
    if len(tensor.shape.dim) != 4 or tensor.elem_type not in _PIXELS:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise PackageError(
            f"{path}: input {inputs[0].name!r} is {kind} of {len(tensor.shape.dim)} dimensions, "
            "not pictures of float32, float16 or uint8 in four"
        )
    return inputs[0]


def _layout(shape: Sequence[int], path: Path) -> Layout:
    planar, packed = shape[1] == COLOURS, shape[3] == COLOURS
    if planar == packed:
        raise PackageError(
            f"{path}: input {list(shape)} does not tell where its colours are; say --layout nchw or nhwc"
        )
    return Layout.NCHW if planar else Layout.NHWC


def _answer(model: Any, path: Path, asked: ConvertOptions) -> str:
    names: list[str] = [entry.name for entry in model.graph.output]
    if asked.tensor and asked.tensor not in names:
        raise PackageError(f"{path}: has no output {asked.tensor!r}, only {', '.join(names)}")
    if not asked.tensor and len(names) != 1:
        raise PackageError(f"{path}: gives {_named(model.graph.output)}; say which with --tensor {names[0]}")
    return asked.tensor or names[0]


def _named(entries: Sequence[Any]) -> str:
    return f"{len(entries)} tensors ({', '.join(entry.name for entry in entries)})"
