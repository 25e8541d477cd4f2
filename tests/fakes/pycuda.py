"""A `pycuda.driver` of its real names only, on this process's memory; counts what is taken and given back.

`tests/inference/backends/tensorrt/test_pycuda.py` holds every public name here to the genuine module, which
runs there on `tests/parts/libcuda.c`. What needs a current context fails without one, as with a driver; and
what is put into the stream is only done when somebody waits for it, so that whoever reads too early reads
rubbish.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Error(Exception):
    pass


class LogicError(Error):
    pass


class MemoryError(Error):  # noqa: A001 pycuda's name
    pass


class device_attribute(IntEnum):  # noqa: N801 pycuda's names
    INTEGRATED = 18


class host_alloc_flags(IntEnum):  # noqa: N801
    DEVICEMAP = 2


class event_flags(IntEnum):  # noqa: N801
    DISABLE_TIMING = 2


class World:
    """What the driver knows; a test makes a new one each.

    Attributes:
        integrated: CPU and GPU share their memory.
        room: Bytes that are left.
        taken: Allocations and handles that were not given back.
        copies: Transfers to, from and within the device.
        queue: Work in the stream that nobody has waited for.
        done: How much work was done.
        capture: Work of the CUDA graph that is being captured; None where none is.
        launches: How many CUDA graphs were launched.
    """

    def __init__(self) -> None:
        self.integrated = False
        self.room = 1 << 30
        self.taken: set[Any] = set()
        self.copies = {"up": 0, "down": 0, "within": 0}
        self.stacks = threading.local()
        self.queue: list[Callable[[], object]] = []  # work in the stream
        self.done = 0
        self.capture: list[Callable[[], object]] | None = None
        self.launches = 0

    def launch(self, work: Callable[[], object]) -> None:
        """Put work into the stream, or into the CUDA graph that is being captured from it."""
        (self.queue if self.capture is None else self.capture).append(work)

    def run(self, place: int | None = None) -> None:
        """Do the work up to a place of the stream, or all."""
        while self.queue and (place is None or self.done < place):
            self.done += 1
            self.queue.pop(0)()

    def stack(self) -> list[Context]:
        if not hasattr(self.stacks, "contexts"):
            self.stacks.contexts = []
        contexts: list[Context] = self.stacks.contexts
        return contexts


world = World()


def _require_context() -> None:
    if not world.stack():
        raise LogicError("cuMemAlloc failed: invalid device context")


def init() -> None:
    pass


class Device:
    def __init__(self, index: int) -> None:
        if index:
            raise LogicError("cuDeviceGet failed: invalid device ordinal")

    def get_attribute(self, attribute: device_attribute) -> int:
        return int(world.integrated)

    def retain_primary_context(self) -> Context:
        return Context()


class Context:
    def __init__(self) -> None:
        world.taken.add(self)

    def push(self) -> None:
        world.stack().append(self)

    @staticmethod
    def pop() -> None:
        _require_context()
        world.stack().pop()

    def detach(self) -> None:
        assert world.stack()[-1] is self, "a context is released only where it is current"
        world.stack().pop()
        world.taken.remove(self)


class Stream:
    def __init__(self, flags: int) -> None:
        _require_context()
        assert flags == 1
        self.handle = 7
        world.taken.add(self.handle)

    def synchronize(self) -> None:
        _require_context()
        world.run()

    def __del__(self) -> None:
        world.taken.discard(self.handle)


class Event:
    def __init__(self, flags: int) -> None:
        _require_context()
        self._place = 0
        self._held = f"event {id(self)}"
        world.taken.add(self._held)

    def record(self, stream: Stream) -> Event:
        _require_context()
        self._place = world.done + len(world.queue)
        return self

    def synchronize(self) -> None:
        _require_context()
        world.run(self._place)

    def __del__(self) -> None:
        world.taken.discard(self._held)


class DeviceAllocation:
    def __init__(self, size: int) -> None:
        _require_context()
        if size > world.room:
            raise MemoryError("cuMemAlloc failed: out of memory")
        world.room -= size
        self._memory = np.full(size, 0xA5, np.uint8)  # what fresh memory of a device holds is anything
        world.taken.add(self)

    def __int__(self) -> int:
        return int(self._memory.ctypes.data)

    def free(self) -> None:
        _require_context()
        world.run()
        world.taken.remove(self)
        world.room += self._memory.size


def mem_alloc(size: int) -> DeviceAllocation:
    return DeviceAllocation(size)


class PagelockedHostAllocation:
    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self._memory = np.empty(shape, dtype)
        self._memory.view(np.uint8)[...] = 0x5A
        self.__array_interface__ = self._memory.__array_interface__
        world.taken.add(self)

    def get_device_pointer(self) -> int:
        assert world.integrated
        return int(self._memory.ctypes.data)

    def free(self) -> None:
        _require_context()
        world.taken.remove(self)


def pagelocked_empty(shape: tuple[int, ...], dtype: Any, mem_flags: int = 0) -> NDArray[Any]:
    _require_context()
    assert bool(mem_flags) == world.integrated
    owner = PagelockedHostAllocation(shape, dtype)
    return np.asarray(owner)


def _copy(target: int, source: int, size: int) -> None:
    _require_context()
    world.launch(lambda: ctypes.memmove(target, source, size))


def memcpy_htod_async(target: int, source: NDArray[Any], stream: Stream) -> None:
    world.copies["up"] += 1
    _copy(target, source.ctypes.data, source.nbytes)


def memcpy_dtoh_async(target: NDArray[Any], source: int, stream: Stream) -> None:
    world.copies["down"] += 1
    _copy(target.ctypes.data, source, target.nbytes)


def memcpy_dtod_async(target: int, source: int, size: int, stream: Stream) -> None:
    world.copies["within"] += 1
    _copy(target, source, size)


def memset_d8_async(target: int, value: int, size: int, stream: Stream) -> None:
    _require_context()
    world.launch(lambda: ctypes.memset(target, value, size))
