"""The buffers of runs under way: a picture on its way to the device, and what the segmenter makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np

from streamseg.inference.backends.tensorrt.cuda import Device, Staging
from streamseg.inference.backends.tensorrt.prepare import CHECKED
from streamseg.inference.packages.contract import GraphSpec, TensorSpec


class Slot:
    """One run's buffers.

    Attributes:
        image: The picture.
        check: Means of the logits; not finite where one of the logits is not.
        addresses: Where each tensor of the segmenter lies on the device, by name.
        event: When the device is done with what was asked for last.
    """

    def __init__(self, device: Device, spec: GraphSpec, most: int) -> None:
        self.image = staging(device, spec.inputs, "image", most)
        self.check = staging(device, spec.outputs, CHECKED["logits"], most)
        self.addresses = {"image": self.image.address, CHECKED["logits"]: self.check.address}
        for tensor in spec.outputs:
            if tensor.name not in self.addresses:
                self.addresses[tensor.name] = device.memory(size_of(tensor) * most)
        self.event: Any = device.event()


class Slots:
    """Slots of one engine; used inside `Device.current()` alone."""

    def __init__(self, device: Device, spec: GraphSpec, most: int) -> None:
        self._device, self._spec, self._most = device, spec, most
        self._all: list[Slot] = []
        self._idle: list[Slot] = []

    def take(self) -> Slot:
        """A slot that nobody uses, the device included."""
        if not self._idle:
            self._all.append(Slot(self._device, self._spec, self._most))
            return self._all[-1]
        slot = self._idle.pop()
        slot.event.synchronize()  # a run nobody waited for may still read its picture
        return slot

    def give_back(self, slot: Slot) -> None:
        """Let others use a slot; any thread, and no talk with the device."""
        self._idle.append(slot)

    def close(self) -> None:
        """Free the events: pycuda forgets those that outlive their context."""
        for slot in self._all:
            slot.event = None


def staging(device: Device, tensors: Iterable[TensorSpec], name: str, most: int) -> Staging:
    """Memory on both sides for the tensor of a name."""
    tensor = next(tensor for tensor in tensors if tensor.name == name)
    return device.staging((most, *tensor.shape[1:]), np.dtype(tensor.dtype))


def size_of(tensor: TensorSpec) -> int:
    """Bytes of a tensor for one picture."""
    return prod(tensor.shape[1:]) * np.dtype(tensor.dtype).itemsize
