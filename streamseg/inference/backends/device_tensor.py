"""Tensors that stay on a device between two sessions of ONNX Runtime, and the sessions that use them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from streamseg.inference.backends.cpu_engine import all_finite


@dataclass(frozen=True, slots=True)
class Place:
    """Where tensors lie, as `OrtValue` names it.

    Attributes:
        kind: `cpu` or `cuda`.
        index: Which of them.
    """

    kind: str
    index: int = 0


class DeviceTensor:
    """Rows of a float32 tensor on a device; immutable. NumPy makes a copy on the host of it.

    Attributes:
        value: The tensor `[R, C, H, W]`.
        place: Where it lies.
        rows: Which of its rows.
        finite: Of each of them, whether it is free of NaN and infinity; empty where nobody looked.
        shape: `(N, C, H, W)`, of these rows.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, value: ort.OrtValue, place: Place, rows: range, finite: tuple[bool, ...] = ()) -> None:
        self.place, self.finite = place, finite
        self.shape: tuple[int, ...] = (len(rows), *value.shape()[1:])
        self.value, self.rows = value, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        host = self.value.numpy()[self.rows.start : self.rows.stop]
        return np.array(host, self.dtype if dtype is None else dtype)  # never the runtime's own memory

    @property
    def address(self) -> int:
        """Where its first row lies, on the device."""
        begin: int = self.value.data_ptr()
        return begin + self.rows.start * prod(self.shape[1:]) * self.dtype.itemsize

    def row(self, index: int) -> DeviceTensor:
        """One of its rows, `[1, C, H, W]`, where it is."""
        first = self.rows[index]
        return DeviceTensor(self.value, self.place, range(first, first + 1), self.finite[index : index + 1])

    def extended(self, other: object) -> DeviceTensor | None:
        """These rows and `other`'s as one tensor, in place, where `other` lies right behind; else None."""
        if not isinstance(other, DeviceTensor) or other.value is not self.value:
            return None
        if other.rows.start != self.rows.stop:
            return None
        rows = range(self.rows.start, other.rows.stop)
        return DeviceTensor(self.value, self.place, rows, self.finite + other.finite)


def finite_rows(tensor: Any) -> tuple[bool, ...]:
    """Of each row `[N, …]` of a tensor, wherever it lies, whether it is free of NaN and infinity."""
    if isinstance(tensor, DeviceTensor) and tensor.finite:
        return tensor.finite
    return tuple(map(all_finite, np.asarray(tensor)))


class DeviceSession:
    """A session that reads and writes tensors where they lie (IO binding).

    Args:
        session: The session; each of its dimensions is fixed.
        place: Where its device's tensors lie.

    Attributes:
        outputs: The dimensions of each output, by name.
    """

    def __init__(self, session: ort.InferenceSession, place: Place) -> None:
        self._session, self._place = session, place
        self._inputs = [node.name for node in session.get_inputs()]
        self.outputs = {node.name: tuple(node.shape) for node in session.get_outputs()}

    def run(self, feeds: Mapping[str, Any], wanted: Sequence[str], stays: Collection[str]) -> dict[str, Any]:
        """Run it; returns when it is done.

        Args:
            feeds: The inputs by name: arrays of NumPy's, or `DeviceTensor`s.
            wanted: The outputs to compute.
            stays: Those of them that stay on the device.

        Returns:
            By name, what stays as an `OrtValue`, the rest as NumPy's arrays; nothing of it is written again.
        """
        binding = self._session.io_binding()
        for name in self._inputs:
            self._bind(binding, name, feeds[name])
        for name in wanted:
            where = self._place if name in stays else Place("cpu")
            binding.bind_output(name, where.kind, where.index)
        binding.synchronize_inputs()
        self._session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        values = zip(wanted, binding.get_outputs(), strict=True)
        return {name: value if name in stays else value.numpy() for name, value in values}

    def _bind(self, binding: Any, name: str, tensor: Any) -> None:
        if isinstance(tensor, DeviceTensor) and tensor.place == self._place:
            kind, index = self._place.kind, self._place.index
            binding.bind_input(name, kind, index, np.float32, list(tensor.shape), tensor.address)
        else:  # on the host, or on another device: copied
            binding.bind_cpu_input(name, np.ascontiguousarray(tensor))
