"""What an engine on a GPU hands out: runs, and the memories of streams."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from streamseg.errors import EngineError
from streamseg.inference.backends.cpu_engine import all_finite, require
from streamseg.inference.backends.tensorrt.buffers import Slot
from streamseg.inference.backends.tensorrt.memory_pool import MemoryRow
from streamseg.inference.engine import EngineMemory, Masks, memory_shape
from streamseg.types import F32

if TYPE_CHECKING:
    from streamseg.inference.backends.tensorrt.engine import TensorRtEngine


class TensorRtRun:
    """See `Run`; holds its slot until nobody asks any more."""

    def __init__(self, engine: TensorRtEngine, slot: Slot, batch: int) -> None:
        self._engine, self._slot, self._batch = engine, slot, batch
        self._started_s = time.perf_counter()
        self._finite: bool | None = None  # not known before the device is done
        self._logits: F32 | None = None
        self.infer_ms = 0.0

    def wait(self) -> None:
        """See `Run.wait`."""
        if self._finite is None:
            self._engine.synchronize(self._slot.event)
            self.infer_ms = (time.perf_counter() - self._started_s) * 1e3
            self._finite = all_finite(self._slot.check.host[: self._batch])
        if not self._finite:
            raise EngineError(f"{self._engine.package.manifest.name}: NaN or infinity in the logits")

    def logits(self) -> F32:
        """See `Run.logits`; the only way by which they leave the device."""
        self.wait()
        if self._logits is None:
            self._logits = self._engine.logits_of(self._slot, self._batch)
        return self._logits

    def readout(self) -> Masks:
        """See `Run.readout`."""
        self.wait()
        return self._engine.read_out_slot(self._slot, self._batch)

    def stabilise(self, guide: F32, flow: F32, memory: EngineMemory) -> tuple[Masks, EngineMemory]:
        """See `Run.stabilise`."""
        self.wait()
        batch, _, height, width = memory_shape(self._engine.package, self._batch)
        require("guide", guide, np.float32, (batch, 1, height, width))
        require("flow", flow, np.float32, (batch, 2, height, width))
        if memory.batch != batch:
            raise EngineError(f"memory is of {memory.batch} streams, must be of {batch}")
        return self._engine.stabilise(self._slot, {"guide": guide, "flow": flow}, memory)

    def __del__(self) -> None:
        self._engine.give_back(self._slot)


class DeviceMemory:
    """Memories of as many streams as it has rows, on the device.

    Attributes:
        engine: Whose it is.
        rows: Where each stream's lies.
        finite: Of each, whether it is free of NaN and infinity.
    """

    def __init__(self, engine: TensorRtEngine, rows: tuple[MemoryRow, ...], finite: tuple[bool, ...]) -> None:
        self.engine, self.rows, self.finite = engine, rows, finite

    def wrapped(self) -> EngineMemory:
        """In the words of every engine."""
        return EngineMemory(self, len(self.rows))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> F32:
        """A copy on the host `[N, M, h', w']`."""
        home = self.engine.memory_at_home(self.rows)
        return home if dtype is None else home.astype(dtype)
