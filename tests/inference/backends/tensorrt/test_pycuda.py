"""Genuine pycuda, and the engine on it, with a driver whose device is this process's memory. Not a GPU."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.gpu.cuda_wheels import driver_module, needed
from streamseg.errors import EngineError
from streamseg.inference.backend import Settings
from streamseg.inference.backends import ort
from streamseg.inference.backends.tensorrt.cuda import Device, pop_current
from streamseg.inference.backends.tensorrt.driver import Gpu, probe
from streamseg.inference.backends.tensorrt.engine import TensorRtEngine
from streamseg.inference.backends.tensorrt.provider import open_plans
from streamseg.inference.packages.package import Package, open_package
from tests.fakes import pycuda as double
from tests.fakes import tensorrt
from tests.fakes.gpu import INFO, gpu_engine, gpu_plans
from tests.fakes.packages import Tiny, make_package
from tests.inference.backends.tensorrt.names import public_names, used
from tests.inference.backends.tensorrt.test_engine import assert_equal, picture, planes, stream
from tests.parts import cuda
from tests.parts.cuda import Driver
from tests.subprocesses import run_python
from tests.waiting import time_limit

pytestmark = [pytest.mark.real, pytest.mark.timeout(time_limit(900))]  # the first run builds pycuda

NOTHING = (0, 0, 0, 0, 0)
MIB = 1 << 20


@pytest.fixture(scope="module")
def loaded() -> tuple[Driver, Any]:
    folder = cuda.pycuda_folder()
    return cuda.load(cuda.stand_in(folder), folder)


@pytest.fixture
def driver(loaded: tuple[Driver, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """The stand-in; every test must give back what it took."""
    driver = loaded[0]
    driver.set()
    monkeypatch.setattr(tensorrt, "_launch", driver.launch)
    yield driver
    gc.collect()
    driver.hide()
    assert driver.taken() == NOTHING
    assert driver.depth == 0


def test_pycuda_asks_the_loader_for_the_driver() -> None:
    """Else it would only work where something else has loaded it before."""
    assert cuda.DRIVER in needed(driver_module(cuda.pycuda_folder()))


@pytest.fixture
def pycuda(loaded: tuple[Driver, Any], driver: Driver) -> Any:
    return loaded[1]


def elsewhere(work: Callable[[], object]) -> list[Exception]:
    """Runs work on another thread; what it raised."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 handed to the test
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(time_limit(60))
    assert not thread.is_alive()
    return raised


def load(package: Package, pycuda: Any, most: int = 4) -> TensorRtEngine:
    return gpu_engine(package, most, pycuda, pop_current)


def absent(names: set[str], library: Any) -> list[str]:
    """Which dotted names a library has not."""

    def there(path: str) -> bool:
        where = library
        for part in path.split("."):
            if not hasattr(where, part):
                return False
            where = getattr(where, part)
        return True

    return sorted(name for name in names if not there(name))


def test_our_code_and_the_double_use_names_that_pycuda_has(pycuda: Any) -> None:
    receivers = {"driver": "", "gpu": "Device", "context": "Context", "stream": "Stream"}
    ours = used("cuda", receivers)
    doubles = public_names(double, skip={"World", "world"})
    assert {
        "memcpy_htod_async",
        "Device.retain_primary_context",
        "Stream.synchronize",
        "Context.push",
    } <= ours
    assert {"Event.record", "Context.detach", "PagelockedHostAllocation.free"} <= doubles
    assert absent(ours, pycuda) == absent(doubles, pycuda) == []


def test_the_probe_reads_a_driver(driver: Driver, tmp_path: Path) -> None:
    state = probe(module_version=tmp_path / "none")
    assert state.gpus == (Gpu("stand-in", (8, 6), integrated=False),)
    assert (state.cuda, state.why_not) == ("13.0", "")
    driver.set(integrated=True)
    assert probe().gpus[0].integrated


@pytest.mark.parametrize(("code", "words"), [(34, "stub"), (35, "older"), (100, "no GPU"), (3, "cuInit: 3")])
def test_the_probe_tells_why_a_driver_does_not_start(driver: Driver, code: int, words: str) -> None:
    driver.set(init=code)
    state = probe()
    assert not state.usable
    assert words in state.why_not


@pytest.mark.parametrize("integrated", [False, True])
def test_arrays_there_and_back(driver: Driver, pycuda: Any, integrated: bool) -> None:
    driver.set(integrated=integrated)
    gpu = Device(pycuda)
    array = np.random.default_rng(0).integers(0, 256, (3, 1000), dtype=np.uint8)
    with gpu.current():
        there, back = (gpu.staging((4, 1000), np.uint8) for _ in range(2))
        there.send(array)
        gpu.move(back.address, there.address, array.nbytes)
        rows = back.fetch(3)
        assert not np.array_equal(rows, array)  # the device has not come to it
        gpu.finish()
        np.testing.assert_array_equal(rows, array)
        gpu.clear(back.address, 1000)
        rows = back.fetch(2)
        gpu.finish()
        np.testing.assert_array_equal(rows, [np.zeros(1000), array[1]])
    gpu.close()


def test_a_copy_beyond_its_memory_is_refused(pycuda: Any) -> None:
    gpu = Device(pycuda)
    with gpu.current():
        buffer = gpu.staging((16,), np.uint8)
        address = gpu.memory(8)
    with pytest.raises(EngineError, match=r"CUDA failed: .*illegal memory access"), gpu.current():
        gpu.upload(address, buffer.host)
    with pytest.raises(EngineError, match="illegal memory access"), gpu.current():
        gpu.move(buffer.address, address + 4, 8)
    gpu.close()


def test_a_full_gpu(driver: Driver, pycuda: Any) -> None:
    driver.set(space=MIB)
    gpu = Device(pycuda)
    with gpu.current():
        gpu.memory(MIB // 2)
    with pytest.raises(EngineError, match="CUDA failed: cuMemAlloc failed: out of memory"), gpu.current():
        gpu.memory(MIB)
    gpu.close()
    assert driver.space == MIB


def test_on_a_thread_without_the_context_nothing_works(pycuda: Any) -> None:
    gpu = Device(pycuda)
    (error,) = elsewhere(lambda: gpu.memory(10))
    assert "invalid device context" in str(error)
    with gpu.current():
        assert elsewhere(lambda: gpu.memory(10))  # current here is not current there
        buffer = gpu.staging((4,), np.uint8)
    (error,) = elsewhere(lambda: gpu.upload(buffer.address, buffer.host))
    assert isinstance(error, pycuda.Error)
    gpu.close()


def test_a_device_is_closed_on_another_thread_than_it_was_made_on(driver: Driver, pycuda: Any) -> None:
    made: list[Device] = []
    assert not elsewhere(lambda: made.append(Device(pycuda)))
    with made[0].current():
        made[0].staging((100,), np.float32)
    assert not elsewhere(made[0].close)
    assert driver.taken() == NOTHING
    made[0].close()


def test_two_devices_share_the_primary_context_and_neither_takes_it_from_the_other(
    driver: Driver, pycuda: Any
) -> None:
    one, other = Device(pycuda), Device(pycuda)
    with one.current(), other.current():
        other.memory(10)
    one.close()
    with other.current():
        buffer = other.staging((4,), np.uint8)
        buffer.send(np.ones(4, np.uint8))
        other.finish()
    other.close()
    assert driver.depth == 0


@pytest.mark.parametrize("integrated", [False, True])
@pytest.mark.parametrize("features", [False, True])
def test_labels_are_bit_for_bit_onnx_runtimes(
    tmp_path: Path, driver: Driver, pycuda: Any, features: bool, integrated: bool
) -> None:
    driver.set(integrated=integrated)
    package = make_package(tmp_path, Tiny(features=features))
    engine, plain = load(package, pycuda), ort.load(package, Settings("f32", 1, None))
    engine.warm_up()
    assert_equal(stream(engine, range(8)), stream(plain, range(8)))
    assert_equal([engine.start(picture(9)).readout()], [plain.start(picture(9)).readout()])
    logits = plain.start(picture(9)).logits()
    np.testing.assert_array_equal(engine.start(picture(9)).logits(), logits)
    assert_equal([engine.read_out(logits)], [plain.read_out(logits)])
    engine.close()
    plain.close()


def test_two_streams_interleaved_are_bit_for_bit_what_each_is_alone(package: Package, pycuda: Any) -> None:
    engine = load(package, pycuda)
    alone = [stream(engine, range(start, start + 6)) for start in (0, 100)]
    memories = [engine.fresh_memory(), engine.fresh_memory()]
    for step in range(6):
        for one, start in enumerate((0, 100)):
            seed = start + step
            masks, memories[one] = engine.start(picture(seed)).stabilise(*planes(seed), memories[one])
            assert_equal([masks], [alone[one][step]])
    engine.close()


def test_runs_under_way_do_not_mix(package: Package, pycuda: Any) -> None:
    engine = load(package, pycuda)
    runs = [engine.start(picture(seed)) for seed in range(5)]
    for seed in range(5, 9):
        engine.start(picture(seed))  # nobody waits for these
    for seed in (3, 0, 4, 1, 2):
        np.testing.assert_array_equal(runs[seed].logits(), engine.start(picture(seed)).logits())
    del runs
    engine.close()


def test_a_batch_of_streams_that_meet(package: Package, pycuda: Any) -> None:
    engine = load(package, pycuda)
    seeds = (7, 8, 9)
    pasts = [engine.start(picture(s)).stabilise(*planes(s), engine.fresh_memory())[1] for s in seeds]
    alone = [
        engine.start(picture(s + 10)).stabilise(*planes(s + 10), past)
        for s, past in zip(seeds, pasts, strict=True)
    ]
    images = np.concatenate([picture(s + 10) for s in seeds[::-1]])
    guide, flow = (np.concatenate(p) for p in zip(*(planes(s + 10) for s in seeds[::-1]), strict=True))
    masks, memory = engine.start(images).stabilise(guide, flow, engine.join_memories(pasts[::-1]))
    for row, (labels, one) in enumerate(zip(masks.labels, alone[::-1], strict=True)):
        np.testing.assert_array_equal(labels, one[0].labels[0])
        np.testing.assert_array_equal(
            np.array(engine.split_memory(memory)[row].state), np.array(one[1].state)
        )
    engine.close()


def test_loaded_used_and_closed_on_three_threads(package: Package, pycuda: Any) -> None:
    made: list[TensorRtEngine] = []
    assert not elsewhere(lambda: made.append(load(package, pycuda)))
    assert not elsewhere(lambda: stream(made[0], range(3)))
    assert not elsewhere(made[0].close)
    (error,) = elsewhere(lambda: made[0].start(picture(0)))
    assert "closed" in str(error)


def resident_mb() -> float:
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * 4096 / MIB


def grown(folder: str, space: str) -> None:
    """Prints by how many MiB this process, which does nothing else, grows by its loads, and how many fail."""
    where = cuda.pycuda_folder()
    driver, pycuda = cuda.load(cuda.stand_in(where), where)
    tensorrt._launch = driver.launch
    package = open_package(folder)
    plans, sizes, failed = gpu_plans(package), list[float](), 0
    driver.set(space=int(space))
    for _ in range(200):
        try:
            engine = open_plans(tensorrt, pycuda, package, plans, INFO)
            engine.start(picture(0)).readout()
            engine.close()
        except EngineError as error:
            failed += "out of memory" in str(error)
        sizes.append(resident_mb())
        assert driver.taken() == NOTHING
        assert driver.space == int(space)
    print(max(sizes[100:]) - max(sizes[20:100]), failed)


@pytest.mark.parametrize(("space", "fail"), [(1 << 30, 0), (50_000, 200)])
def test_two_hundred_loads_leave_nothing_behind(
    package: Package, loaded: tuple[Driver, Any], space: int, fail: int
) -> None:
    code = "import sys; from tests.inference.backends.tensorrt.test_pycuda import grown; grown(*sys.argv[1:])"
    mebibytes, failed = run_python(code, package.path, space).split()
    assert float(mebibytes) < 8
    assert int(failed) == fail
