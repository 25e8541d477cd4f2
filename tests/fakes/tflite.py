"""TFLite networks of a few operators, written byte by byte with the format's own builder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import tflite
from numpy.typing import NDArray

_TYPES = {
    "float32": tflite.TensorType.FLOAT32,
    "float16": tflite.TensorType.FLOAT16,
    "int32": tflite.TensorType.INT32,
    "int64": tflite.TensorType.INT64,
    "int8": tflite.TensorType.INT8,
    "uint8": tflite.TensorType.UINT8,
    "int16": tflite.TensorType.INT16,
}


@dataclass(frozen=True)
class Scale:
    """Scales and zero points of a tensor: one of each, or one for each index of `axis`."""

    scale: Sequence[float]
    zero: Sequence[int] = (0,)
    axis: int = 0


class Network:
    """Tensors and operators of a network, and its bytes."""

    def __init__(self) -> None:
        self._builder = flatbuffers.Builder(1024)
        self._tensors: list[tuple[Sequence[int], str, NDArray[Any] | None, Scale | None]] = []
        self._operators: list[tuple[str, Sequence[int], Sequence[int], str, Any]] = []

    def tensor(self, *shape: int, kind: str = "float32", scale: Scale | None = None) -> int:
        """A tensor that is computed, or the picture."""
        self._tensors.append((shape, kind, None, scale))
        return len(self._tensors) - 1

    def const(self, value: NDArray[Any], scale: Scale | None = None) -> int:
        """A constant, as it is stored."""
        self._tensors.append((value.shape, str(value.dtype), value, scale))
        return len(self._tensors) - 1

    def operator(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: str = "", **values: Any
    ) -> None:
        """An operator of the format; `options` is the class of its options (`Conv2DOptions`)."""
        self._operators.append((name, inputs, outputs, options, values))

    def custom(self, name: str, inputs: Sequence[int], outputs: Sequence[int], *integers: int) -> None:
        """An operator of somebody's own."""
        self._operators.append((name, inputs, outputs, "", np.array(integers, np.int32).tobytes()))

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The file's content."""
        b = self._builder
        codes = self._vector([self._code(name) for name, *_ in self._operators])
        buffers = self._vector(self._buffers())
        tensors = self._vector([self._tensor(index) for index in range(len(self._tensors))])
        operators = self._vector([self._operator(index) for index in range(len(self._operators))])
        ends = self._ints(inputs), self._ints(outputs)
        tflite.SubGraphStart(b)
        tflite.SubGraphAddTensors(b, tensors)
        tflite.SubGraphAddInputs(b, ends[0])
        tflite.SubGraphAddOutputs(b, ends[1])
        tflite.SubGraphAddOperators(b, operators)
        graphs = self._vector([tflite.SubGraphEnd(b)])
        tflite.ModelStart(b)
        tflite.ModelAddVersion(b, 3)
        tflite.ModelAddOperatorCodes(b, codes)
        tflite.ModelAddSubgraphs(b, graphs)
        tflite.ModelAddBuffers(b, buffers)
        b.Finish(tflite.ModelEnd(b), file_identifier=b"TFL3")
        return bytes(b.Output())

    def _code(self, name: str) -> int:
        b, number = self._builder, getattr(tflite.BuiltinOperator, name, tflite.BuiltinOperator.CUSTOM)
        custom = b.CreateString(name) if number == tflite.BuiltinOperator.CUSTOM else None
        tflite.OperatorCodeStart(b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(number, 127))
        tflite.OperatorCodeAddBuiltinCode(b, number)
        tflite.OperatorCodeAddVersion(b, 1)
        if custom is not None:
            tflite.OperatorCodeAddCustomCode(b, custom)
        return int(tflite.OperatorCodeEnd(b))

    def _buffers(self) -> list[int]:
        """The first is empty, as the format wants it; then one for each tensor."""
        b, made = self._builder, []
        for data in (b"", *(b"" if value is None else value.tobytes() for _, _, value, _ in self._tensors)):
            content = b.CreateByteVector(data) if data else None
            tflite.BufferStart(b)
            if content is not None:
                tflite.BufferAddData(b, content)
            made.append(int(tflite.BufferEnd(b)))
        return made

    def _tensor(self, index: int) -> int:
        b = self._builder
        shape, kind, _, scale = self._tensors[index]
        name, sizes = b.CreateString(f"t{index}"), self._ints(shape)
        quantization = None if scale is None else self._quantization(scale)
        tflite.TensorStart(b)
        tflite.TensorAddName(b, name)
        tflite.TensorAddShape(b, sizes)
        tflite.TensorAddType(b, _TYPES[kind])
        tflite.TensorAddBuffer(b, index + 1)
        if quantization is not None:
            tflite.TensorAddQuantization(b, quantization)
        return int(tflite.TensorEnd(b))

    def _quantization(self, scale: Scale) -> int:
        b = self._builder
        scales = b.CreateNumpyVector(np.array(scale.scale, np.float32))
        zeros = b.CreateNumpyVector(np.array(scale.zero, np.int64))
        tflite.QuantizationParametersStart(b)
        tflite.QuantizationParametersAddScale(b, scales)
        tflite.QuantizationParametersAddZeroPoint(b, zeros)
        tflite.QuantizationParametersAddQuantizedDimension(b, scale.axis)
        return int(tflite.QuantizationParametersEnd(b))

    def _operator(self, index: int) -> int:
        b = self._builder
        _, inputs, outputs, kind, values = self._operators[index]
        ends = self._ints(inputs), self._ints(outputs)
        options = self._options(kind, values) if kind else None
        custom = b.CreateByteVector(values) if isinstance(values, bytes) else None
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, index)
        tflite.OperatorAddInputs(b, ends[0])
        tflite.OperatorAddOutputs(b, ends[1])
        if options is not None:
            tflite.OperatorAddBuiltinOptionsType(b, getattr(tflite.BuiltinOptions, kind))
            tflite.OperatorAddBuiltinOptions(b, options)
        if custom is not None:
            tflite.OperatorAddCustomOptions(b, custom)
        return int(tflite.OperatorEnd(b))

    def _options(self, kind: str, values: dict[str, Any]) -> int:
        b = self._builder
        ready = {key: self._ints(v) if isinstance(v, list) else v for key, v in values.items()}
        getattr(tflite, f"{kind}Start")(b)
        for key, value in ready.items():
            getattr(tflite, f"{kind}Add{key}")(b, value)
        return int(getattr(tflite, f"{kind}End")(b))

    def _ints(self, values: Sequence[int]) -> int:
        return int(self._builder.CreateNumpyVector(np.array(values, np.int32)))

    def _vector(self, offsets: Sequence[int]) -> int:
        b = self._builder
        b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            b.PrependUOffsetTRelative(offset)
        return int(b.EndVector())
