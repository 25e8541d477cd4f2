from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from streamseg.convert.tflite.quantization import Quantization, read_quantization


class Table:
    """As `tflite.QuantizationParameters` gives it."""

    def __init__(self, scale: Sequence[float], zero: Sequence[int] = (), axis: int = 0) -> None:
        self._scale, self._zero, self._axis = scale, zero, axis

    def ScaleLength(self) -> int:  # noqa: N802 - the format's own names
        return len(self._scale)

    def ScaleAsNumpy(self) -> Any:  # noqa: N802
        return np.array(self._scale, np.float32)

    def ZeroPointLength(self) -> int:  # noqa: N802
        return len(self._zero)

    def ZeroPointAsNumpy(self) -> Any:  # noqa: N802
        return np.array(self._zero, np.int64)

    def QuantizedDimension(self) -> int:  # noqa: N802
        return self._axis


def of(kind: str, scale: Sequence[float], zero: Sequence[int] = (), axis: int = 0) -> Quantization:
    found = read_quantization(Table(scale, zero, axis), np.dtype(kind))
    assert found is not None
    return found


def test_one_scale_holds_for_the_whole_tensor() -> None:
    found = of("uint8", [0.5], [10])
    assert not found.per_axis
    assert (found.low, found.high) == (-5.0, 122.5)
    np.testing.assert_array_equal(
        found.real(np.array([[0, 10], [11, 255]], np.uint8)), [[-5, 0], [0.5, 122.5]]
    )


def test_several_belong_to_an_axis() -> None:
    found = of("int8", [1.0, 2.0, 4.0], axis=1)
    assert found.per_axis
    np.testing.assert_array_equal(found.real(np.ones((2, 3), np.int8)), [[1, 2, 4], [1, 2, 4]])
    assert found.zero_point.tolist() == [0, 0, 0]


def test_int8_is_uint8_with_another_zero_point() -> None:
    signed = of("int8", [0.5], [-8])
    plain = signed.unsigned()
    assert (plain.dtype, plain.zero_point.tolist()) == (np.dtype(np.uint8), [120])
    stored = np.arange(-128, 128, dtype=np.int16)
    np.testing.assert_array_equal(
        plain.real((stored + 128).astype(np.uint8)), signed.real(stored.astype(np.int8))
    )
    assert of("uint8", [0.5], [3]).unsigned().zero_point.tolist() == [3]


@pytest.mark.parametrize(
    ("scale", "zero", "low", "high", "within"),
    [
        (6 / 255, 0, 0, 6, True),
        (6.01 / 255, 0, 0, 6, True),
        (6.1 / 255, 0, 0, 6, False),
        (0.1, 0, 0, float("inf"), True),
        (0.1, 1, 0, float("inf"), False),
        (0.01, 100, -1, 2, True),
    ],
)
def test_a_range_does_what_an_activation_would_do(
    scale: float, zero: int, low: float, high: float, within: bool
) -> None:
    assert of("uint8", [scale], [zero]).within(low, high) is within


def test_there_may_be_none() -> None:
    assert read_quantization(None, np.dtype(np.uint8)) is None
    assert read_quantization(Table([]), np.dtype(np.uint8)) is None
    assert read_quantization(Table([1.0]), np.dtype(np.float32)) is None


@pytest.mark.parametrize(
    ("scale", "zero", "said"),
    [
        ([0.0], [0], "a scale that is no positive number"),
        ([-1.0], [0], "a scale that is no positive number"),
        ([float("inf")], [0], "a scale that is no positive number"),
        ([1.0, float("nan")], [0, 0], "a scale that is no positive number"),
        ([1.0], [256], "a zero point that is no uint8"),
        ([1.0], [-1], "a zero point that is no uint8"),
        ([1.0, 1.0, 1.0], [0, 0], "3 scales and 2 zero points"),
    ],
)
def test_what_stands_for_nothing_is_told(scale: list[float], zero: list[int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        of("uint8", scale, zero)
