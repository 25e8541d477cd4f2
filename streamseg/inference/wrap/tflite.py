"""A TFLite network's file, and the ONNX graph that its operators are put into, computed in float32.

Weights may be float32, float16 or quantised; what flows between operators must be float. TFLite has channels
last, ONNX's convolutions have them first: a tensor is kept in whichever form it was made and turned round
where the other is asked for, which is seldom.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from streamseg.errors import MissingExtraError, PackageError
from streamseg.inference.wrap.nodes import IR_VERSION, OPSET, Nodes, checked

try:
    import tflite
except ImportError as error:
    raise MissingExtraError("wrapping a TFLite network", "wrap") from error

_NUMPY = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
    tflite.TensorType.INT64: np.int64,
    tflite.TensorType.INT16: np.int16,
    tflite.TensorType.INT8: np.int8,
    tflite.TensorType.UINT8: np.uint8,
    tflite.TensorType.BOOL: np.bool_,
}
_ONNX = {
    np.float32: TensorProto.FLOAT,
    np.int32: TensorProto.INT32,
    np.int64: TensorProto.INT64,
}


# what following the offsets of a damaged file ends in: the format's reader checks none
DAMAGED = (struct.error, ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError)


def _names(enumeration: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


_OPERATORS = _names(tflite.BuiltinOperator)
_OPTIONS = _names(tflite.BuiltinOptions)


class Operator:
    """One operator of a network."""

    def __init__(self, model: Any, operator: Any) -> None:
        code = model.OperatorCodes(operator.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = _OPERATORS.get(number, f"operator {number}")
        self.name = code.CustomCode().decode() if name == "CUSTOM" else name
        self.inputs = [int(index) for index in operator.InputsAsNumpy()]
        self.output = int(operator.OutputsAsNumpy()[0])
        self.outputs = [int(index) for index in operator.OutputsAsNumpy()]
        self._operator = operator

    @property
    def options(self) -> Any:
        """Its own options (a `tflite` class)."""
        made = getattr(tflite, _OPTIONS[self._operator.BuiltinOptionsType()])()
        table = self._operator.BuiltinOptions()
        made.Init(table.Bytes, table.Pos)
        return made

    def custom_ints(self) -> list[int]:
        """The options of a custom operator, where they are 32-bit integers."""
        return [int(value) for value in self._operator.CustomOptionsAsNumpy().view(np.int32)]


class Graph:
    """The one subgraph of a network, and the ONNX nodes it becomes."""

    def __init__(self, path: Path) -> None:
        model = _opened(path)
        if model.SubgraphsLength() != 1:
            raise PackageError(
                f"{path}: has {model.SubgraphsLength()} subgraphs; only networks of one are known"
            )
        self.path = path
        self.nodes = Nodes("")
        self._model = model
        self._graph = model.Subgraphs(0)
        self._flat: dict[int, str] = {}  # tensors with channels last, as TFLite has them
        self._planes: dict[int, str] = {}  # with channels first
        self._constants: dict[int, NDArray[Any]] = {}
        for index in self._inputs:
            self._require_float(index)
            self._flat[index] = f"input{index}"

    @property
    def operators(self) -> list[Operator]:
        """Its operators, in an order in which they can be computed."""
        return [
            Operator(self._model, self._graph.Operators(index))
            for index in range(self._graph.OperatorsLength())
        ]

    def shape(self, index: int) -> list[int]:
        """Of a tensor, in TFLite's order."""
        return [int(size) for size in self._graph.Tensors(index).ShapeAsNumpy()]

    def constant(self, index: int) -> NDArray[Any] | None:
        """The value of a tensor that is one, quantised ones as the real numbers they stand for; else None."""
        if index not in self._constants and (found := self._stored(index)) is not None:
            self._constants[index] = found
        return self._constants.get(index)

    def required(self, index: int) -> NDArray[Any]:
        """The value of a tensor that must be a constant."""
        value = self.constant(index)
        if value is None:
            raise PackageError(f"{self.path}: weights or sizes that are computed are not known here")
        return value

    def set_constant(self, index: int, value: NDArray[Any]) -> None:
        """A tensor turned out to be constant."""
        self._constants[index] = value

    def is_image(self, index: int) -> bool:
        """Whether a tensor has four dimensions."""
        return len(self.shape(index)) == 4

    def in_planes(self, index: int) -> bool:
        """Whether a tensor was made with channels first."""
        return index in self._planes

    def flat(self, index: int) -> str:
        """A tensor's name with its dimensions in TFLite's order."""
        if index not in self._flat:
            value = self.constant(index)
            self._flat[index] = (
                self.nodes.add("Transpose", self._planes[index], perm=[0, 2, 3, 1])
                if value is None
                else self.nodes.const(value)
            )
        return self._flat[index]

    def planes(self, index: int) -> str:
        """The name of a tensor of four dimensions (a constant may have fewer) with channels first."""
        if index not in self._planes:
            value = self.constant(index)
            self._planes[index] = (
                self.nodes.add("Transpose", self._flat[index], perm=[0, 3, 1, 2])
                if value is None
                else self.nodes.const(
                    value.reshape((1,) * (4 - value.ndim) + value.shape).transpose(0, 3, 1, 2)
                )
            )
        return self._planes[index]

    def put(self, index: int, name: str, *, planes: bool) -> None:
        """Names the tensor an operator made."""
        self._require_float(index)
        (self._planes if planes else self._flat)[index] = name

    def model(self) -> Any:
        """The ONNX model of all that was put together."""
        inputs = [self._described(index, self._flat[index]) for index in self._inputs]
        outputs = []
        for index in map(int, self._graph.OutputsAsNumpy()):
            name = self._graph.Tensors(index).Name().decode() or f"output{index}"
            self.nodes.add("Identity", self.flat(index), output=name)
            outputs.append(self._described(index, name))
        graph = helper.make_graph(self.nodes.nodes, self.path.name, inputs, outputs, self.nodes.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        return checked(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION))

    @property
    def _inputs(self) -> list[int]:
        return [int(index) for index in self._graph.InputsAsNumpy()]

    def _described(self, index: int, name: str) -> Any:
        kind = _ONNX[self._type(index)]
        return helper.make_tensor_value_info(name, kind, ["N", *self.shape(index)[1:]])

    def _type(self, index: int) -> Any:
        number = self._graph.Tensors(index).Type()
        if number not in _NUMPY:
            raise PackageError(f"{self.path}: tensors of type {number} are not known")
        return _NUMPY[number]

    def _require_float(self, index: int) -> None:
        if self._type(index) not in _ONNX:
            name = self._graph.Tensors(index).Name().decode()
            raise PackageError(
                f"{self.path}: tensor {name!r} is {np.dtype(self._type(index))}: the network computes in "
                "integers; wrap its float version (quantised weights alone are fine)"
            )

    def _stored(self, index: int) -> NDArray[Any] | None:
        tensor = self._graph.Tensors(index)
        buffer = self._model.Buffers(tensor.Buffer())
        if not buffer.DataLength():
            return None
        if tensor.Sparsity() is not None:
            raise PackageError(f"{self.path}: sparse weights are not known")
        raw = buffer.DataAsNumpy().view(self._type(index)).reshape(self.shape(index))
        return _real(raw, tensor.Quantization())


def _opened(path: Path) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PackageError(f"{path}: cannot be read: {error.strerror or error}") from error
    if data[4:8] != b"TFL3":
        raise PackageError(f"{path}: is no TFLite network")
    return tflite.Model.GetRootAs(data)


def _real(raw: NDArray[Any], quantization: Any) -> NDArray[Any]:
    """The numbers that stored ones stand for."""
    if quantization is None or not quantization.ScaleLength():
        return raw.astype(np.float32) if raw.dtype == np.float16 else raw
    along = [1] * raw.ndim
    if quantization.ScaleLength() > 1:
        along[quantization.QuantizedDimension()] = -1
    scale = quantization.ScaleAsNumpy().reshape(along)
    zero = quantization.ZeroPointAsNumpy().reshape(along) if quantization.ZeroPointLength() else 0
    real: NDArray[np.float32] = ((raw.astype(np.float32) - zero) * scale).astype(np.float32)
    return real
