"""The device: one GPU's primary context, one stream, and the memory taken on it, through pycuda.

A CUDA context belongs to threads, and an engine is loaded on one thread, used on another and closed on a
third. So the context is never left current: whoever talks to the device does so inside `device.current()`.
Not with `pycuda.autoinit` nor `autoprimaryctx`: they make a context current on the importing thread alone.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamseg.errors import EngineError
from streamseg.inference.backends.cpu_engine import one_line
from streamseg.inference.backends.tensorrt.driver import LIBRARY

_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: waits for nobody's work on the default stream


def pop_current() -> None:
    """Take the current context off the calling thread, past pycuda."""
    ctypes.CDLL(LIBRARY).cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))


class Device:
    """One GPU; of one thread at a time.

    Args:
        driver: The module `pycuda.driver`.
        pop: Takes the current context off the thread.
        index: Which GPU, in the driver's order.

    Attributes:
        mapped: CPU and GPU share their memory (Jetson): pinned memory is read in place, and nothing is
            copied.
        stream: The `pycuda.driver.Stream` of all work.
    """

    def __init__(self, driver: Any, pop: Callable[[], None] = pop_current, index: int = 0) -> None:
        self._driver = driver
        self._pop = pop
        self._taken: list[Any] = []
        with self._told():
            driver.init()
            gpu = driver.Device(index)
            self.mapped = bool(gpu.get_attribute(driver.device_attribute.INTEGRATED))
            self._context: Any = gpu.retain_primary_context()
        with self.current():
            self.stream = driver.Stream(_NON_BLOCKING)

    @contextmanager
    def current(self) -> Iterator[None]:
        """The context is current on this thread meanwhile, and errors of CUDA are EngineErrors."""
        if self._context is None:
            raise EngineError("the engine is closed: its GPU was let go")
        with self._told():
            self._context.push()
            try:
                yield
            finally:
                self._driver.Context.pop()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._driver.Error as error:
            raise EngineError(f"CUDA failed: {one_line(error)}") from error

    def memory(self, size: int) -> int:
        """Take memory of the device, bytes; returns its address. Kept until `close`."""
        allocation = self._driver.mem_alloc(size)
        self._taken.append(allocation)
        return int(allocation)

    def staging(self, shape: tuple[int, ...], dtype: Any) -> Staging:
        """Take memory on both sides, to hand an array over in. Kept until `close`."""
        flags = self._driver.host_alloc_flags.DEVICEMAP if self.mapped else 0
        host = self._driver.pagelocked_empty(shape, dtype, mem_flags=flags)
        self._taken.append(host.base)
        size = prod(shape) * np.dtype(dtype).itemsize
        address = int(host.base.get_device_pointer()) if self.mapped else self.memory(size)
        return Staging(self, host, address)

    def upload(self, address: int, array: NDArray[Any]) -> None:
        """Copy pinned memory to the device, in the stream."""
        self._driver.memcpy_htod_async(address, array, self.stream)

    def download(self, array: NDArray[Any], address: int) -> None:
        """Copy memory of the device to pinned memory, in the stream."""
        self._driver.memcpy_dtoh_async(array, address, self.stream)

    def move(self, target: int, source: int, size: int) -> None:
        """Copy within the device, in the stream."""
        self._driver.memcpy_dtod_async(target, source, size, self.stream)

    def clear(self, address: int, size: int) -> None:
        """Fill with zeros, in the stream."""
        self._driver.memset_d8_async(address, 0, size, self.stream)

    def event(self) -> Any:
        """An event, to `record` in the stream: `synchronize` then waits until the device has come to it."""
        return self._driver.Event(self._driver.event_flags.DISABLE_TIMING)

    def finish(self) -> None:
        """Wait for all work."""
        self.stream.synchronize()

    def close(self) -> None:
        """Wait for all work, free the memory, the stream and the context; idempotent."""
        if self._context is None:
            return
        try:
            with self.current():
                self.finish()
                while self._taken:
                    self._taken.pop().free()
                del self.stream
        finally:
            context, self._context = self._context, None
            # pycuda releases a context only where it is current, and then leaves it on the thread's stack
            with self._told():
                context.push()
                self._pop()
                context.detach()


class Staging:
    """Pinned memory of the host and where the device sees it.

    Attributes:
        host: The array, on the host.
        address: The device's.
    """

    def __init__(self, device: Device, host: NDArray[Any], address: int) -> None:
        self._device = device
        self.host = host
        self.address = address

    def send(self, array: NDArray[Any]) -> None:
        """Put an array (rows of the first dimension, from the first on) onto the device, in the stream."""
        rows = self.host[: len(array)]
        np.copyto(rows, array)
        if not self._device.mapped:
            self._device.upload(self.address, rows)

    def fetch(self, count: int) -> NDArray[Any]:
        """Bring so many rows from the device, in the stream; they are there when the stream is done."""
        rows = self.host[:count]
        if not self._device.mapped:
            self._device.download(rows, self.address)
        return rows
