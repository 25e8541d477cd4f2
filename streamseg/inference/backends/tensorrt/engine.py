"""A package on a GPU: pictures go in, label maps come out, and everything between stays on the device.

    picture → [segmenter] → logits → [stabiliser] → labels, confidence
                                     ↑ guide, flow   ↓ memory: from one row of the device to another

All work goes into one stream, in order; so a buffer may be used again as soon as its next use is in the
stream behind the last, and only what the host itself writes or reads has to be waited for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from streamseg.errors import EngineError
from streamseg.inference.backends.cpu_engine import all_finite, require
from streamseg.inference.backends.tensorrt.buffers import Slot, Slots, size_of, staging
from streamseg.inference.backends.tensorrt.cuda import Device, Staging
from streamseg.inference.backends.tensorrt.memory_pool import MemoryPool, MemoryRow
from streamseg.inference.backends.tensorrt.plan import Plan
from streamseg.inference.backends.tensorrt.prepare import CHECKED
from streamseg.inference.backends.tensorrt.run import DeviceMemory, TensorRtRun
from streamseg.inference.engine import EngineInfo, EngineMemory, Masks, graph_of, memory_shape, run_once
from streamseg.inference.packages.contract import FEATURES
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package
from streamseg.inference.readout import read_out
from streamseg.types import F32, U8

_LOG = logging.getLogger(__name__)
_STAGED = {"guide", "flow", "labels", "confidence", CHECKED["memory_out"]}  # what host and device hand over


class TensorRtEngine:
    """See `InferenceEngine`.

    Args:
        package: The package.
        info: What is told about the backend.
        device: The GPU; the engine closes it.
        plans: The graphs, loaded on it, the segmenter among them.
        free: Frees what the plans came from, inside `Device.current()`, after them.
    """

    def __init__(
        self,
        package: Package,
        info: EngineInfo,
        device: Device,
        plans: Mapping[GraphRole, Plan],
        free: Callable[[], None],
    ) -> None:
        self.package, self.info = package, info
        self._device = device
        self._plans = dict(plans)
        self._free = free
        segmenter = self._plans[GraphRole.SEGMENTER]
        self.most = min(plan.most for plan in plans.values())
        self._logits = staging(device, segmenter.spec.outputs, "logits", self.most)
        self._slots = Slots(device, segmenter.spec, self.most)
        self._buffers = {role: _buffers(device, plan, self.most) for role, plan in plans.items()}
        self._rows = self._make_rows()

    def start(self, image: U8) -> TensorRtRun:
        """See `InferenceEngine.start`."""
        width, height = self.package.manifest.size_wh
        require("image", image, np.uint8, (len(image), height, width, 3))
        plan, batch = self._plan(GraphRole.SEGMENTER), len(image)
        if not 1 <= batch <= self.most:
            raise EngineError(f"{batch} pictures at once; this engine was built for 1 to {self.most}")
        with self._device.current():
            slot = self._slots.take()
            run = TensorRtRun(self, slot, batch)
            slot.image.send(image)
            plan.enqueue(batch, slot.addresses, self._device.stream.handle)
            slot.check.fetch(batch)
            slot.event.record(self._device.stream)
        return run

    def read_out(self, logits: F32) -> Masks:
        """See `InferenceEngine.read_out`."""
        if GraphRole.READOUT not in self._plans:
            self._plan(GraphRole.SEGMENTER)
            return read_out(logits, self.package.manifest.size_wh)
        require("logits", logits, np.float32, (len(logits), *self._logits.host.shape[1:]))
        with self._device.current():
            self._logits.send(logits)
            return self._maps(GraphRole.READOUT, len(logits), {"logits": self._logits.address})

    def fresh_memory(self, batch: int = 1) -> EngineMemory:
        """See `InferenceEngine.fresh_memory`."""
        return DeviceMemory(self, self._memory_rows().blank[:batch], (True,) * batch).wrapped()

    def memory_is_finite(self, memory: EngineMemory) -> bool:
        """See `InferenceEngine.memory_is_finite`."""
        state = memory.state
        return all(state.finite) if isinstance(state, DeviceMemory) else all_finite(state)

    def join_memories(self, memories: Sequence[EngineMemory]) -> EngineMemory:
        """See `InferenceEngine.join_memories`."""
        states = [self._on_device(memory) for memory in memories]
        rows = tuple(row for state in states for row in state.rows)
        return DeviceMemory(self, rows, tuple(one for state in states for one in state.finite)).wrapped()

    def split_memory(self, memory: EngineMemory) -> list[EngineMemory]:
        """See `InferenceEngine.split_memory`."""
        state = self._on_device(memory)
        both = zip(state.rows, state.finite, strict=True)
        return [DeviceMemory(self, (row,), (finite,)).wrapped() for row, finite in both]

    def warm_up(self) -> None:
        """See `InferenceEngine.warm_up`."""
        for batch in range(1, self.most + 1):
            run_once(self, batch, stabilise=GraphRole.STABILISER in self._plans)

    def close(self) -> None:
        """See `InferenceEngine.close`. In order: work, plans, TensorRT, memory, stream, context.

        After a fault the GPU refuses whatever it is asked: that is logged, since the engine
        is gone all the same.
        """
        if not self._plans:
            return
        for let_go in (self._drop_plans, self._device.close):
            try:
                let_go()
            except EngineError as error:
                _LOG.warning(
                    "%s: the engine could not be freed in order: %s", self.package.manifest.name, error
                )
        self._plans.clear()

    def _drop_plans(self) -> None:
        with self._device.current():
            try:
                self._device.finish()
                while self._plans:
                    self._plans.popitem()[1].close()
            finally:
                self._plans.clear()  # those that a fault has left must not outlive their context either
                self._free()
                self._slots.close()

    # what runs and memories ask of their engine

    def logits_of(self, slot: Slot, batch: int) -> F32:
        """Bring logits home."""
        with self._device.current():
            self._device.download(self._logits.host[:batch], slot.addresses["logits"])
            self._device.finish()
            logits: F32 = self._logits.host[:batch].copy()
        return logits

    def read_out_slot(self, slot: Slot, batch: int) -> Masks:
        """Label maps of logits that are on the device."""
        if GraphRole.READOUT not in self._plans:
            return self.read_out(self.logits_of(slot, batch))
        with self._device.current():
            return self._maps(GraphRole.READOUT, batch, slot.addresses)

    def stabilise(
        self, slot: Slot, planes: Mapping[str, F32], memory: EngineMemory
    ) -> tuple[Masks, EngineMemory]:
        """Run the stabiliser on logits that are on the device; see `Run.stabilise`."""
        self._plan(GraphRole.STABILISER)
        past, rows, batch = self._on_device(memory), self._memory_rows(), memory.batch
        buffers = self._buffers[GraphRole.STABILISER]
        with self._device.current():
            target = rows.take(batch)
            for name, plane in planes.items():
                buffers[name].send(plane)
            addresses = {
                "logits": slot.addresses["logits"],
                FEATURES: slot.addresses.get(FEATURES, 0),
                "memory": rows.address(past.rows),
                "memory_out": target[0].address,
            }
            check = buffers[CHECKED["memory_out"]]
            masks = self._maps(GraphRole.STABILISER, batch, addresses, check)
        return masks, DeviceMemory(self, target, tuple(map(all_finite, check.host[:batch]))).wrapped()

    def memory_at_home(self, rows: Sequence[MemoryRow]) -> F32:
        """Copy memories to the host: for tests and tools, no part of a frame's way."""
        home = np.empty(memory_shape(self.package, len(rows)), np.float32)
        with self._device.current():
            for array, row in zip(home, rows, strict=True):
                self._device.download(array, row.address)
            self._device.finish()
        return home

    def synchronize(self, event: Any) -> None:
        """Wait until the device has come to an event."""
        with self._device.current():
            event.synchronize()

    def give_back(self, slot: Slot) -> None:
        """Nobody asks for a run any more."""
        self._slots.give_back(slot)

    def _maps(self, role: GraphRole, batch: int, addresses: Mapping[str, int], *more: Staging) -> Masks:
        """Run a graph that gives label maps, and bring them (and `more`) home."""
        buffers = self._buffers[role]
        own = {name: buffer.address for name, buffer in buffers.items()}
        self._plan(role).enqueue(batch, {**own, **addresses}, self._device.stream.handle)
        homes = [buffer.fetch(batch) for buffer in (buffers["labels"], buffers["confidence"], *more)]
        self._device.finish()
        return Masks(homes[0].copy(), homes[1].copy())

    def _on_device(self, memory: EngineMemory) -> DeviceMemory:
        """A memory of this engine; one that lies on the host is brought over."""
        state = memory.state
        if isinstance(state, DeviceMemory):
            if state.engine is not self or len(state.rows) != memory.batch:
                raise EngineError("memory is another engine's")
            return state
        require("memory", state, np.float32, memory_shape(self.package, memory.batch))
        with self._device.current():
            rows = self._memory_rows().take(memory.batch)
            for row, array in zip(rows, np.ascontiguousarray(state), strict=True):
                self._device.upload(row.address, array)
            self._device.finish()
        return DeviceMemory(self, rows, tuple(map(all_finite, state)))

    def _plan(self, role: GraphRole) -> Plan:
        return graph_of(self.package, self._plans, role)

    def _memory_rows(self) -> MemoryPool:
        if self._rows is None:
            raise EngineError(f"{self.package.manifest.name}: the package has no stabiliser, so no memory")
        return self._rows

    def _make_rows(self) -> MemoryPool | None:
        plan = self._plans.get(GraphRole.STABILISER)
        if plan is None:
            return None
        memory = next(tensor for tensor in plan.spec.inputs if tensor.name == "memory")
        return MemoryPool(self._device, size_of(memory), self.most)


def _buffers(device: Device, plan: Plan, most: int) -> dict[str, Staging]:
    tensors = (*plan.spec.inputs, *plan.spec.outputs)
    return {
        tensor.name: staging(device, tensors, tensor.name, most)
        for tensor in tensors
        if tensor.name in _STAGED
    }
