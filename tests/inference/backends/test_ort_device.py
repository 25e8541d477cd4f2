"""ONNX Runtime's way with a device, the CPU standing in for it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import Settings
from streamseg.inference.backends import execution_providers, ort, ort_session
from streamseg.inference.backends.cpu_engine import CpuEngine
from streamseg.inference.backends.device_tensor import DeviceSession, DeviceTensor
from streamseg.inference.engine import EngineMemory
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package
from streamseg.types import F32
from tests.fakes.int8 import add_int8
from tests.fakes.packages import Tiny, make_package, write_manifest
from tests.fakes.provider import HOST, NAME, device_engine, known

PLANE = (12, 16)


def step(engine: CpuEngine, seed: int, memory: EngineMemory) -> EngineMemory:
    random = np.random.default_rng(seed)
    batch = memory.batch
    image = random.integers(0, 200, (batch, 48, 64, 3), dtype=np.uint8)
    guide = random.random((batch, 1, *PLANE), dtype=np.float32)
    flow = np.zeros((batch, 2, *PLANE), np.float32)
    return engine.start(image).stabilise(guide, flow, memory)[1]


def at_home(memory: EngineMemory) -> F32:
    return np.array(memory.state)


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """What sessions are fed with."""
    seen: list[Mapping[str, Any]] = []
    run = DeviceSession.run

    def noted(session: DeviceSession, feeds: Mapping[str, Any], *rest: Any) -> Any:
        seen.append(feeds)
        return run(session, feeds, *rest)

    monkeypatch.setattr(DeviceSession, "run", noted)
    return seen


@pytest.fixture
def brought_home(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of the tensors that were copied from the device to the host."""
    seen: list[tuple[int, ...]] = []
    copy = DeviceTensor.__array__

    def noted(tensor: DeviceTensor, *rest: Any, **more: Any) -> Any:
        seen.append(tensor.shape)
        return copy(tensor, *rest, **more)

    monkeypatch.setattr(DeviceTensor, "__array__", noted)
    return seen


def test_memory_and_logits_stay_on_the_device_from_frame_to_frame(
    package: Package, fed: list[Mapping[str, Any]], brought_home: list[Any]
) -> None:
    engine = device_engine(package, 1)
    memory = step(engine, 0, engine.fresh_memory())
    for seed in range(1, 4):
        fed.clear()
        before, memory = memory, step(engine, seed, memory)
        assert engine.memory_is_finite(memory)
        (stabiliser,) = (feeds for feeds in fed if "memory" in feeds)
        assert stabiliser["memory"] is before.state
        assert isinstance(stabiliser["memory"], DeviceTensor)
        assert isinstance(stabiliser["logits"], DeviceTensor)
        assert memory.state.address != before.state.address  # nothing is written that somebody may hold
    assert brought_home == []


def test_streams_in_the_order_of_their_last_batch_are_joined_in_place(
    package: Package, fed: list[Mapping[str, Any]], brought_home: list[Any]
) -> None:
    engine = device_engine(package, 3)
    parts = engine.split_memory(step(engine, 0, engine.fresh_memory(3)))
    fed.clear()
    again = engine.join_memories(parts)
    assert fed == []
    assert again.state.value is parts[0].state.value
    assert brought_home == []


def test_other_streams_are_joined_on_the_device(package: Package, brought_home: list[Any]) -> None:
    engine = device_engine(package, 3)
    one, two, three = engine.split_memory(step(engine, 0, engine.fresh_memory(3)))
    mixed = engine.join_memories([three, one, two])
    assert brought_home == []
    expected = np.concatenate([at_home(part) for part in (three, one, two)])
    np.testing.assert_array_equal(at_home(mixed), expected)
    assert engine.memory_is_finite(mixed)


def test_a_stream_without_a_past_joins_those_that_have_one(package: Package) -> None:
    engine = device_engine(package, 2)
    past, fresh = step(engine, 0, engine.fresh_memory()), engine.fresh_memory()
    for parts in ([past, fresh], [fresh, past]):
        both = engine.join_memories(parts)
        np.testing.assert_array_equal(at_home(both), np.concatenate([at_home(part) for part in parts]))
        assert step(engine, 1, both).batch == 2


def graphs_of(package: Package) -> dict[bytes, str]:
    """What each graph is called, by its bytes, which are what is opened."""
    return {path.read_bytes(): path.stem for path in package.path.glob("*.onnx")}


def test_every_batch_size_has_a_session_that_the_warm_up_opens(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    genuine, graphs = execution_providers.open_session, graphs_of(package)

    def noted(model: bytes, *rest: Any) -> Any:
        if model in graphs:
            opened.append(graphs[model])
        return genuine(model, *rest)

    monkeypatch.setattr(ort_session, "open_session", noted)
    engine = device_engine(package, 3)
    engine.warm_up()
    names = ("segmenter", "stabiliser", "readout")
    assert [opened.count(name) for name in names] == [
        1 + 3
    ] * 3  # read on the CPU once, then one a batch size
    opened.clear()
    for batch in (1, 2, 3):
        step(engine, batch, engine.fresh_memory(batch))
    assert opened == []


def renamed(package: Package, batch: str) -> Package:
    """The package with another name for N, as other exporters give, and the logits' plane open where read."""
    for path in package.path.glob("*.onnx"):
        model = onnx.load(path)
        for value in (*model.graph.input, *model.graph.output):
            dims = value.type.tensor_type.shape.dim
            dims[0].dim_param = batch
            if value.name == "logits" and path.stem != "segmenter":
                dims[2].dim_param, dims[3].dim_param = "rows", "columns"
        onnx.save(model, path)
    roles = (GraphRole.SEGMENTER, GraphRole.STABILISER, GraphRole.READOUT)
    return write_manifest(package.path, Tiny(), "tiny", roles)


def test_dimensions_may_have_any_name(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    fixed: dict[str, int] = {}
    options = onnxruntime.SessionOptions
    genuine = options.add_free_dimension_override_by_name

    def noted(made: Any, name: str, size: int) -> None:
        fixed[name] = size
        genuine(made, name, size)

    monkeypatch.setattr(options, "add_free_dimension_override_by_name", noted)
    engine = device_engine(renamed(package, "batch_size"), 1)
    assert step(engine, 0, engine.fresh_memory()).batch == 1
    assert {name: fixed[name] for name in ("batch_size", "rows", "columns")} == {
        "batch_size": 1,
        "rows": 12,
        "columns": 16,
    }


def test_a_package_without_a_stabiliser_has_no_memory(tmp_path: Path) -> None:
    bare = make_package(tmp_path, Tiny(stabiliser=False, readout=False))
    engine = device_engine(bare, 4)
    run = engine.start(np.zeros((1, 48, 64, 3), np.uint8))
    assert run.readout().labels.shape == (1, 48, 64)
    with pytest.raises(EngineError, match="no stabiliser"):
        engine.fresh_memory()


def test_a_bad_file_is_the_packages_fault_not_the_devices(package: Package) -> None:
    (package.path / "segmenter.onnx").write_bytes(b"no graph")
    with pytest.raises(PackageError, match=r"segmenter\.onnx: sha256 is "):
        device_engine(package)
    promised = write_manifest(package.path, Tiny(), "tiny", list(package.graphs))
    with pytest.raises(PackageError, match=r"segmenter\.onnx: ONNX Runtime cannot load it"):
        device_engine(promised)


def test_a_file_that_is_replaced_while_it_serves_is_not_run(package: Package) -> None:
    """A session for another batch size is opened when it is asked for, which may be days later."""
    engine = device_engine(package, 1)
    step(engine, 0, engine.fresh_memory())
    (package.path / "segmenter.onnx").write_bytes((package.path / "readout.onnx").read_bytes())
    with pytest.raises(EngineError, match=r"segmenter\.onnx: sha256 is "):
        step(engine, 0, engine.fresh_memory(2))


def test_int8_is_what_is_asked_for(package: Package) -> None:
    both = add_int8(package)
    with known():
        engine = ort.OnProvider(HOST.name).load(both, Settings("int8", 1, None))
    assert (engine.info.backend, engine.info.precision) == (NAME, "int8")


FULL = "CUDA failure 2: out of memory ; GPU=0 ; hostname=gate ; file=cuda_allocator.cc"


def test_a_device_that_is_full_when_a_session_is_opened(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine, graphs = execution_providers.open_session, graphs_of(package)

    def full(model: bytes, options: Any, provider: Any, gpu: Any) -> Any:
        if provider is HOST and graphs.get(model) == "stabiliser":
            raise RuntimeError(FULL)
        return genuine(model, options, provider, gpu)

    monkeypatch.setattr(ort_session, "open_session", full)
    with pytest.raises(EngineError, match=r"stabiliser\.onnx: .*the GPU's memory is full; free some of it"):
        device_engine(package)


def test_a_device_that_is_full_when_a_graph_runs(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = device_engine(package)

    def full(*_: Any) -> Any:
        raise RuntimeError("BFCArena: Failed to allocate memory for requested buffer of size 530841600")

    monkeypatch.setattr(onnxruntime.InferenceSession, "run_with_iobinding", full)
    with pytest.raises(EngineError, match="ONNX Runtime failed: the GPU's memory is full"):
        engine.start(np.zeros((1, 48, 64, 3), np.uint8)).wait()


def test_a_failed_load_ends_its_thread(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    shutdown = ThreadPoolExecutor.shutdown

    def noted(pool: Any, *rest: Any, **more: Any) -> None:
        ended.append(True)
        shutdown(pool, *rest, **more)

    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", noted)
    (package.path / "readout.onnx").write_bytes(b"no graph")
    with pytest.raises(PackageError):
        device_engine(package)
    assert ended == [True]
