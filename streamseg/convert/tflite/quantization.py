"""What the integers of a TFLite tensor stand for: (stored - zero point) × scale, per tensor or per axis.

Source: LiteRT 8-bit quantization specification (https://ai.google.dev/edge/litert/models/quantization_spec),
which calls the range of a tensor what its type can hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BYTES = (np.dtype(np.uint8), np.dtype(np.int8))  # of quantised activations


@dataclass(frozen=True, slots=True, eq=False)
class Quantization:
    """Scale and zero point of a tensor.

    Attributes:
        dtype: Of the stored integers.
        scale: float32 `[n]`: one for the whole tensor, or one for each index of `axis`.
        zero_point: Of `dtype`, `[n]`: what stands for 0.
        axis: Which one, where there are several scales.
    """

    dtype: np.dtype[Any]
    scale: NDArray[np.float32]
    zero_point: NDArray[Any]
    axis: int = 0

    @property
    def per_axis(self) -> bool:
        """Whether there is a scale for each index of an axis."""
        return len(self.scale) > 1

    @property
    def low(self) -> float:
        """The least real number of a tensor with one scale."""
        return self._real_of(np.iinfo(self.dtype).min)

    @property
    def high(self) -> float:
        """The greatest."""
        return self._real_of(np.iinfo(self.dtype).max)

    def within(self, low: float, high: float) -> bool:
        """Whether `low` and `high` would cut nothing off that the tensor holds, but for half a step."""
        half = float(self.scale[0]) / 2
        return self.low >= low - half and self.high <= high + half

    def unsigned(self) -> Quantization:
        """The same numbers stored in uint8: int8 plus 128, which is how bytes of a picture become int8."""
        if self.dtype != np.int8:
            return self
        zero = (self.zero_point.astype(np.int16) + 128).astype(np.uint8)
        return Quantization(np.dtype(np.uint8), self.scale, zero, self.axis)

    def real(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """The numbers that stored ones stand for."""
        along = [1] * stored.ndim
        if self.per_axis:
            along[self.axis] = -1
        zero = self.zero_point.astype(np.float32).reshape(along)
        numbers: NDArray[np.float32] = (stored.astype(np.float32) - zero) * self.scale.reshape(along)
        return numbers

    def _real_of(self, stored: int) -> float:
        return (stored - int(self.zero_point[0])) * float(self.scale[0])


def read_quantization(table: Any, dtype: np.dtype[Any]) -> Quantization | None:
    """A tensor's own, from the file; None where it has none.

    Args:
        table: `tflite.QuantizationParameters` or None.
        dtype: Of the tensor's elements.

    Raises:
        ValueError: A scale is no positive number, or a zero point no integer of the type.
    """
    if table is None or not table.ScaleLength() or dtype.kind not in "iu":
        return None
    scale = np.array(table.ScaleAsNumpy(), np.float32)
    zero = np.array(table.ZeroPointAsNumpy() if table.ZeroPointLength() else [0], np.int64)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        msg = "has a scale that is no positive number"
        raise ValueError(msg)
    if len(zero) not in (1, len(scale)):
        msg = f"has {len(scale)} scales and {len(zero)} zero points"
        raise ValueError(msg)
    held = np.iinfo(dtype)
    if zero.min() < held.min or zero.max() > held.max:
        msg = f"has a zero point that is no {dtype}"
        raise ValueError(msg)
    zeros = np.broadcast_to(zero.astype(dtype), scale.shape).copy()
    return Quantization(dtype, scale, zeros, int(table.QuantizedDimension()))
