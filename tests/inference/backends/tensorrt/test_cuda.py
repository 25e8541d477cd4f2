"""The driver's double; `test_pycuda.py` has the genuine pycuda."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np
import pytest

from streamseg.errors import EngineError
from streamseg.inference.backends.tensorrt import cuda
from streamseg.inference.backends.tensorrt.cuda import Device
from tests.fakes import pycuda
from tests.fakes.pycuda import World
from tests.waiting import time_limit


def device() -> Device:
    return Device(pycuda, pop=lambda: None)


def test_an_array_goes_there_and_back(world: World) -> None:
    gpu = device()
    with gpu.current():
        there, back = (gpu.staging((4, 3), np.float32) for _ in range(2))
        there.send(np.arange(6, dtype=np.float32).reshape(2, 3))
        gpu.move(back.address, there.address, 2 * 3 * 4)
        rows = back.fetch(2)
        assert not np.array_equal(rows, [[0, 1, 2], [3, 4, 5]])  # nobody has waited yet
        gpu.finish()
        np.testing.assert_array_equal(rows, [[0, 1, 2], [3, 4, 5]])
    assert world.copies == {"up": 1, "within": 1, "down": 1}
    gpu.close()


def test_where_memory_is_shared_nothing_is_copied(world: World) -> None:
    world.integrated = True
    gpu = device()
    with gpu.current():
        buffer = gpu.staging((2, 3), np.uint8)
        buffer.send(np.ones((2, 3), np.uint8))
        assert buffer.fetch(2).sum() == 6
    assert gpu.mapped
    assert buffer.address == buffer.host.ctypes.data
    assert world.copies == {"up": 0, "within": 0, "down": 0}
    gpu.close()
    assert not world.taken


def test_closing_gives_everything_back_and_is_idempotent(world: World) -> None:
    gpu = device()
    with gpu.current():
        gpu.staging((2, 2), np.uint8)
        gpu.memory(1000)
    assert world.taken
    gpu.close()
    gpu.close()
    assert not world.taken
    assert not world.stack()
    with pytest.raises(EngineError, match="closed"), gpu.current():
        pass


def test_any_thread_may_use_and_close_it(world: World) -> None:
    gpu, errors = device(), []

    def elsewhere() -> None:
        try:
            with gpu.current():
                gpu.staging((2, 2), np.uint8).send(np.zeros((2, 2), np.uint8))
            gpu.close()
        except EngineError as error:
            errors.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(time_limit(60))
    assert not errors
    assert not world.taken


def test_no_context_is_left_on_the_thread(world: World) -> None:
    gpu = device()
    assert not world.stack()
    with gpu.current(), gpu.current():
        assert len(world.stack()) == 2
    assert not world.stack()
    with pytest.raises(ValueError, match="a bug"), gpu.current():
        raise ValueError("a bug")
    assert not world.stack()
    gpu.close()


def test_a_full_gpu_is_an_engine_error(world: World) -> None:
    world.room = 100
    gpu = device()
    with pytest.raises(EngineError, match="CUDA failed: cuMemAlloc failed: out of memory"), gpu.current():
        gpu.memory(101)
    with gpu.current():
        gpu.memory(100)
    gpu.close()


def test_a_gpu_that_is_not_there_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="invalid device ordinal"):
        Device(pycuda, index=1)


def test_what_fails_at_the_end_does_not_keep_the_context(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = device()

    def fail(_stream: pycuda.Stream) -> None:
        raise pycuda.LogicError("cuStreamSynchronize failed: an illegal memory access was encountered")

    monkeypatch.setattr(pycuda.Stream, "synchronize", fail)
    with pytest.raises(EngineError, match="illegal memory access"):
        gpu.close()
    gpu.close()
    assert not any(isinstance(held, pycuda.Context) for held in world.taken)


def test_the_context_is_popped_past_pycuda(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []

    class Library:
        def __init__(self, name: str) -> None:
            called.append(name)

        def cuCtxPopCurrent_v2(self, context: Any) -> int:  # noqa: N802 the library's name
            called.append(context)
            return 0

    monkeypatch.setattr(ctypes, "CDLL", Library)
    cuda.pop_current()
    assert called[0] == "libcuda.so.1"
    assert len(called) == 2
