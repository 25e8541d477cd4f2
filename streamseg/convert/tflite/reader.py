"""A TFLite network's file: its operators, and its tensors with what their integers stand for."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamseg.convert.tflite.quantization import BYTES, Quantization, read_quantization
from streamseg.errors import MissingExtraError, PackageError

try:
    import tflite
except ImportError as error:
    raise MissingExtraError("converting a TFLite network", "convert") from error

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
PLAIN = (np.dtype(np.float32), np.dtype(np.int32), np.dtype(np.int64))  # what flows without a scale


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


class TfliteFile:
    """The one subgraph of a network. Tensors are asked for by their index.

    Raises:
        PackageError: The file cannot be read, or is none of one subgraph.
    """

    def __init__(self, path: Path) -> None:
        model = _opened(path)
        if model.SubgraphsLength() != 1:
            raise PackageError(
                f"{path}: has {model.SubgraphsLength()} subgraphs; only networks of one are known"
            )
        self.path = path
        self._model = model
        self._graph = model.Subgraphs(0)
        self.operators = [
            Operator(model, self._graph.Operators(index)) for index in range(self._graph.OperatorsLength())
        ]
        self.inputs = [int(index) for index in self._graph.InputsAsNumpy()]
        self.outputs = [int(index) for index in self._graph.OutputsAsNumpy()]

    def name(self, index: int) -> str:
        """Of a tensor; may be empty."""
        name: str = (self._graph.Tensors(index).Name() or b"").decode()
        return name

    def shape(self, index: int) -> list[int]:
        """Of a tensor, in TFLite's order; that of a single number may be left out of the file."""
        tensor = self._graph.Tensors(index)
        return [int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength())]

    def dtype(self, index: int) -> np.dtype[Any]:
        """Of a tensor's elements. Raises PackageError where it is not known."""
        number = self._graph.Tensors(index).Type()
        if number not in _NUMPY:
            raise PackageError(f"{self.path}: tensors of type {number} are not known")
        return np.dtype(_NUMPY[number])

    def stored(self, index: int) -> NDArray[Any] | None:
        """A constant as it lies in the file; None where the tensor is none."""
        tensor = self._graph.Tensors(index)
        buffer = self._model.Buffers(tensor.Buffer())
        if not buffer.DataLength():
            return None
        if tensor.Sparsity() is not None:
            raise PackageError(f"{self.path}: sparse weights are not known")
        stored: NDArray[Any] = buffer.DataAsNumpy().view(self.dtype(index)).reshape(self.shape(index))
        return stored

    def quantization(self, index: int) -> Quantization | None:
        """Scale and zero point of a tensor of integers; None where it has none."""
        return read_quantization(self._graph.Tensors(index).Quantization(), self.dtype(index))

    def is_quantized(self, index: int) -> bool:
        """Whether a tensor holds bytes that stand for real numbers."""
        return self.dtype(index) in BYTES and self.quantization(index) is not None

    @property
    def flowing(self) -> list[int]:
        """The tensors that are no constants: the inputs, and what operators give."""
        made = (index for operator in self.operators for index in operator.outputs)
        return list(dict.fromkeys([*self.inputs, *made]))

    @property
    def quantized(self) -> bool:
        """Whether the network computes in integers that have a scale."""
        return any(map(self.is_quantized, self.flowing))

    def problems(self) -> list[str]:
        """What is wrong with the tensors that flow through the network, one line each."""
        told = (self._problem(index) for index in self.flowing)
        return [f"{self.path}: {problem}" for problem in told if problem]

    def _problem(self, index: int) -> str:
        number = self._graph.Tensors(index).Type()
        if number not in _NUMPY:
            return f"tensors of type {number} are not known"
        name, kind = repr(self.name(index)), self.dtype(index)
        try:
            quantization = self.quantization(index)
        except ValueError as error:
            return f"tensor {name} {error}"
        if kind not in BYTES:
            known = kind in PLAIN
            return (
                ""
                if known
                else f"tensor {name} is {kind}; float32, uint8 and int8 are known between operators"
            )
        if quantization is None:
            return "" if self._holds_labels(index) else f"tensor {name} is {kind} and has no scale"
        return f"tensor {name} has more than one scale; only weights may" if quantization.per_axis else ""

    def _holds_labels(self, index: int) -> bool:
        """Whether a tensor's integers are nothing but integers: made of such by CAST."""
        return any(index in operator.outputs and operator.name == "CAST" for operator in self.operators)


def _opened(path: Path) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PackageError(f"{path}: cannot be read: {error.strerror or error}") from error
    if data[4:8] != b"TFL3":
        raise PackageError(f"{path}: is no TFLite network")
    return tflite.Model.GetRootAs(data)
