"""TFLite networks that compute in integers, made of the same builders as those in float."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.fakes.tflite import Network, Scale

STEP = 0.05  # of all activations: uint8 and int8 reach from -6 to 6.75
ZERO = {"uint8": 120, "int8": -8}
# what TFLite gives these functions, whatever their input has
FIXED = {"LOGISTIC": (1 / 256, 0, -128), "SOFTMAX": (1 / 256, 0, -128), "TANH": (1 / 128, 128, 0)}
_WEIGHTS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "TRANSPOSE_CONV": 0, "FULLY_CONNECTED": 0}  # axis of scales


class Quantized(Network):
    """A network whose activations are `kind`, with weights and biases as TFLite wants them to that.

    Args:
        kind: uint8 (weights uint8, one scale and zero point) or int8 (weights int8, a scale a channel).
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def tensor(self, *shape: int, kind: str = "float32", scale: Scale | None = None) -> int:
        if kind == "float32":
            return super().tensor(*shape, kind=self._kind, scale=scale or Scale([STEP], [ZERO[self._kind]]))
        return super().tensor(*shape, kind=kind, scale=scale)

    def operator(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: str = "", **values: Any
    ) -> None:
        for place, index in enumerate(inputs):
            _, kind, value, _ = self._tensors[index]
            if kind == "float32" and value is not None:
                self._store(index, value, *self._scale_of(name, inputs, place, value))
        for index in outputs:
            if name in FIXED:
                scale, unsigned, signed = FIXED[name]
                self._rescale(index, Scale([scale], [unsigned if self._kind == "uint8" else signed]))
        super().operator(name, inputs, outputs, options, **values)

    def _scale_of(
        self, name: str, inputs: Sequence[int], place: int, value: NDArray[Any]
    ) -> tuple[str, Scale]:
        weights = 1 if name in _WEIGHTS else -1
        if place == weights:
            return self._kind, self._weight_scale(value, _WEIGHTS[name], name)
        if name in _WEIGHTS and value.ndim == 1:
            of_weights = self._tensors[inputs[1]][3]
            assert of_weights is not None
            scales = [STEP * scale for scale in of_weights.scale]
            return "int32", Scale(scales, [0] * len(scales))
        return self._kind, Scale([STEP], [ZERO[self._kind]])

    def _weight_scale(self, value: NDArray[Any], axis: int, name: str) -> Scale:
        if self._kind == "uint8":
            low, high = float(value.min()), float(value.max())
            scale = (high - low) / 255
            return Scale([scale], [round(-low / scale)])
        others = tuple(other for other in range(value.ndim) if other != axis)
        tops = np.abs(value).max(axis=others) / 127
        if name == "FULLY_CONNECTED":
            tops = tops.max(keepdims=True)
        return Scale(tops.tolist(), [0] * len(tops), axis if len(tops) > 1 else 0)

    def _store(self, index: int, value: NDArray[Any], kind: str, scale: Scale) -> None:
        along = [1] * value.ndim
        if len(scale.scale) > 1:
            along[scale.axis] = -1
        steps = np.reshape(np.array(scale.scale), along)
        held = np.iinfo(kind)
        raw = np.rint(value / steps) + np.reshape(np.array(scale.zero), along)
        stored = raw.clip(held.min, held.max).astype(kind)
        self._tensors[index] = (value.shape, kind, stored, scale)

    def _rescale(self, index: int, scale: Scale) -> None:
        shape, kind, value, _ = self._tensors[index]
        self._tensors[index] = (shape, kind, value, scale)
