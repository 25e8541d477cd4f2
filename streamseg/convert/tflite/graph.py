"""The ONNX graph that a TFLite network's operators are put into.

Weights may be float32, float16 or quantised; what flows between operators is float, or uint8 and int8 with a
scale. A network that computes in such integers is read in one of two forms (`Form`). TFLite has channels
last, ONNX's convolutions have them first: a tensor is kept in whichever form it was made and turned round
where the other is asked for, which is seldom.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from streamseg.convert.onnx_builder import IR_VERSION, OPSET, OnnxBuilder, checked
from streamseg.convert.tflite.quantization import Quantization
from streamseg.convert.tflite.reader import Operator, TfliteFile
from streamseg.errors import PackageError

_HALF_UP = 1e-3  # of a step: far more than float32 is wrong by, and less than what is no half


class Form(StrEnum):
    """What becomes of a network's integers.

    Attributes:
        FLOAT: The real numbers they stand for, cut off where the integers are. That cut is part of the
            network: many have no other ReLU6.
        QDQ: QuantizeLinear and DequantizeLinear behind every operator, with the file's own scales and zero
            points. int8 becomes uint8 with a zero point higher by 128, which stands for the same numbers.
    """

    FLOAT = "float"
    QDQ = "qdq"


class Graph:
    """A network, and the ONNX nodes it becomes.

    Args:
        file: The network.
        form: Of quantised tensors.
        real_input: A quantised input takes real numbers; else bytes 0…255, of which its scale and zero point
            say what they mean.
    """

    def __init__(self, file: TfliteFile, form: Form = Form.FLOAT, *, real_input: bool = False) -> None:
        self.path = file.path
        self.nodes = OnnxBuilder("")
        self._file, self._form, self._real_input = file, form, real_input
        self._quantized = file.quantized
        self._flat: dict[int, str] = {}  # tensors with channels last, as TFLite has them
        self._planes: dict[int, str] = {}  # with channels first
        self._constants: dict[int, NDArray[Any]] = {}
        for index in file.inputs:
            self._feed(index)

    def shape(self, index: int) -> list[int]:
        """Of a tensor, in TFLite's order."""
        return self._file.shape(index)

    def quantization(self, index: int) -> Quantization | None:
        """Scale and zero point of a tensor of integers; None where it has none."""
        return self._file.quantization(index)

    def constant(self, index: int) -> NDArray[Any] | None:
        """The value of a tensor that is one, quantised ones as the real numbers they stand for; else None."""
        if index not in self._constants and (found := self._real(index)) is not None:
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

    def weight(self, index: int, order: Sequence[int]) -> str:
        """The name of a constant with its axes in another order; in QDQ its integers, behind their scale."""
        value, quantization = self.required(index), self.quantization(index)
        stored = self._file.stored(index)
        if self._form is Form.FLOAT or quantization is None or stored is None or not self._quantized:
            return self.nodes.const(value.transpose(order))
        name = self.nodes.const(stored.transpose(order))
        return self._dequantized(name, quantization, list(order).index(quantization.axis))

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
        (self._planes if planes else self._flat)[index] = name

    def requantize(self, index: int, *, inside: bool = False, half_up: bool = False) -> None:
        """Puts behind the operator that made a quantised tensor what happens there to every number.

        Args:
            index: Of the tensor; one that is not quantised is left alone.
            inside: What the operator gives lies within the tensor's range.
            half_up: Numbers half-way between two steps go up, not to the even one as QuantizeLinear has it.
        """
        if index in self._constants or not self._file.is_quantized(index):
            return
        names = self._planes if index in self._planes else self._flat
        quantization = self._scale(index)
        if self._form is Form.QDQ:
            parameters = self._parameters(quantization)
            if half_up:  # between pixels every so-manieth number lies half-way
                more = self.nodes.f32(_HALF_UP * float(quantization.scale[0]))
                names[index] = self.nodes.add("Add", names[index], more)
            stored = self.nodes.add("QuantizeLinear", names[index], *parameters)
            names[index] = self.nodes.add("DequantizeLinear", stored, *parameters)
        elif not inside:
            ends = (self.nodes.f32(quantization.low), self.nodes.f32(quantization.high))
            names[index] = self.nodes.add("Clip", names[index], *ends)

    def keeps_range(self, operator: Operator) -> bool:
        """Whether what goes into an operator lies within the range of its quantised output."""
        wide = self.quantization(operator.output)
        parts = [self._scale(i) for i in operator.inputs if i >= 0 and self._file.is_quantized(i)]
        return wide is not None and all(part.within(wide.low, wide.high) for part in parts)

    def skip(self, operator: Operator) -> None:
        """Goes on behind an operator that is refused, so that what else is wrong is told with it."""
        for index in operator.outputs:
            if index not in self._planes:
                self._flat.setdefault(index, "refused")

    def model(self) -> Any:
        """The ONNX model of all that was put together."""
        inputs = [self._described(i, f"input{i}", self._fed_as(i)) for i in self._file.inputs]
        outputs = []
        for index in self._file.outputs:
            name = self._file.name(index) or f"output{index}"
            self.nodes.add("Identity", self.flat(index), output=name)
            outputs.append(self._described(index, name, self.element_type(index)))
        graph = helper.make_graph(self.nodes.nodes, self.path.name, inputs, outputs, self.nodes.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        return checked(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION))

    def _described(self, index: int, name: str, kind: int) -> Any:
        return helper.make_tensor_value_info(name, kind, ["N", *self.shape(index)[1:]])

    def _fed_as(self, index: int) -> int:
        """What an input takes (`TensorProto`)."""
        if self._file.is_quantized(index) and not self._real_input:
            return int(TensorProto.UINT8)
        return self.element_type(index)

    def element_type(self, index: int) -> int:
        """What a tensor is in the ONNX graph (`TensorProto`): float where its integers have a scale."""
        if self._file.is_quantized(index):
            return int(TensorProto.FLOAT)
        return int(helper.np_dtype_to_tensor_dtype(self._file.dtype(index)))

    def _feed(self, index: int) -> None:
        """Names an input; a quantised one becomes real numbers."""
        self._flat[index] = f"input{index}"
        if self._real_input:
            self.requantize(index)
        elif self._file.is_quantized(index):
            self._flat[index] = self._real_of_bytes(self._flat[index], self._scale(index))

    def _real_of_bytes(self, name: str, quantization: Quantization) -> str:
        """The real numbers that an input's bytes 0…255 mean."""
        if self._form is Form.QDQ:
            return self._dequantized(name, quantization)
        real = self.nodes.add("Cast", name, to=TensorProto.FLOAT)
        real = self.nodes.add("Sub", real, self.nodes.f32(float(quantization.zero_point[0])))
        return self.nodes.add("Mul", real, self.nodes.f32(float(quantization.scale[0])))

    def _dequantized(self, name: str, quantization: Quantization, axis: int = 0) -> str:
        along: dict[str, Any] = {"axis": axis} if quantization.per_axis else {}
        return self.nodes.add("DequantizeLinear", name, *self._parameters(quantization), **along)

    def _parameters(self, quantization: Quantization) -> tuple[str, str]:
        """Scale and zero point as constants, of no dimension where there is one of each."""
        shape = (-1,) if quantization.per_axis else ()
        scale, zero = quantization.scale.reshape(shape), quantization.zero_point.reshape(shape)
        return self.nodes.const(scale), self.nodes.const(zero)

    def _scale(self, index: int) -> Quantization:
        """Of what flows: always in uint8, since OpenVINO 2026.4 errs where branches of int8 are joined."""
        found = self.quantization(index)
        assert found is not None  # noqa: S101 - its callers asked
        return found.unsigned()

    def _real(self, index: int) -> NDArray[Any] | None:
        """The numbers that a constant stands for."""
        stored = self._file.stored(index)
        if stored is None:
            return None
        if quantization := self.quantization(index):
            return quantization.real(stored)
        return stored.astype(np.float32) if stored.dtype == np.float16 else stored
