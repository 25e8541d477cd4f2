"""What a GPU's engine keeps to in common with every other is in `tests/contracts/test_engine.py`."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamseg.errors import EngineError
from streamseg.inference.backend import Settings
from streamseg.inference.backends import ort
from streamseg.inference.backends.tensorrt.engine import TensorRtEngine
from streamseg.inference.engine import InferenceEngine, Masks
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package
from tests.fakes import pycuda
from tests.fakes.gpu import gpu_engine
from tests.fakes.packages import Tiny, make_package
from tests.fakes.pycuda import World
from tests.waiting import time_limit


def picture(seed: int, batch: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 200, (batch, 48, 64, 3), dtype=np.uint8)


def planes(seed: int, batch: int = 1) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    guide = random.random((batch, 1, 12, 16), dtype=np.float32)
    return guide, random.normal(0, 2, (batch, 2, 12, 16)).astype(np.float32)


def stream(engine: InferenceEngine, seeds: range) -> list[Masks]:
    memory, out = engine.fresh_memory(), []
    for seed in seeds:
        masks, memory = engine.start(picture(seed)).stabilise(*planes(seed), memory)
        out.append(masks)
    return out


def assert_equal(ours: list[Masks], theirs: list[Masks]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)
        assert one.confidence is not None
        assert other.confidence is not None
        np.testing.assert_array_equal(one.confidence, other.confidence)


@pytest.mark.parametrize("integrated", [False, True])
@pytest.mark.parametrize("features", [False, True])
def test_labels_are_bit_for_bit_onnx_runtimes(
    tmp_path: Path, world: World, features: bool, integrated: bool
) -> None:
    world.integrated = integrated
    package = make_package(tmp_path, Tiny(features=features))
    engine, plain = gpu_engine(package), ort.load(package, Settings("f32", 1, None))
    assert_equal(stream(engine, range(6)), stream(plain, range(6)))
    assert_equal([engine.start(picture(9)).readout()], [plain.start(picture(9)).readout()])
    engine.close()
    plain.close()


def test_a_batch_of_streams_is_bit_for_bit_what_each_gives_alone(package: Package, world: World) -> None:
    engine = gpu_engine(package)
    alone = [stream(engine, range(start, start + 4)) for start in (0, 10, 20)]
    memory = engine.fresh_memory(3)
    for step in range(4):
        seeds = [start + step for start in (0, 10, 20)]
        images = np.concatenate([picture(seed) for seed in seeds])
        guide, flow = (np.concatenate(parts) for parts in zip(*map(planes, seeds), strict=True))
        masks, memory = engine.start(images).stabilise(guide, flow, memory)
        for row in range(3):
            np.testing.assert_array_equal(masks.labels[row], alone[row][step].labels[0])
    assert world.copies["within"] == 0  # a batch that stays together is one tensor
    engine.close()


def test_streams_that_meet_are_brought_side_by_side(package: Package, world: World) -> None:
    engine = gpu_engine(package)
    pasts = [
        engine.start(picture(seed)).stabilise(*planes(seed), engine.fresh_memory())[1] for seed in (3, 4)
    ]
    together = engine.join_memories(pasts[::-1])
    images = np.concatenate([picture(6), picture(5)])
    guide, flow = (np.concatenate(parts) for parts in zip(planes(6), planes(5), strict=True))
    masks, after = engine.start(images).stabilise(guide, flow, together)
    assert world.copies["within"] == 2
    for row, (seed, past) in enumerate(zip((6, 5), pasts[::-1], strict=True)):
        one = engine.start(picture(seed)).stabilise(*planes(seed), past)
        np.testing.assert_array_equal(masks.labels[row], one[0].labels[0])
        np.testing.assert_array_equal(np.array(engine.split_memory(after)[row].state), np.array(one[1].state))
    engine.close()


def test_loading_and_closing_leaves_nothing_behind(package: Package, world: World) -> None:
    before = world.room
    for seed in range(5):
        engine = gpu_engine(package)
        kept = stream(engine, range(seed, seed + 2))
        engine.close()
        engine.close()
        assert len(kept) == 2
    gc.collect()
    assert not world.taken
    assert world.room == before
    assert not world.stack()


def test_it_is_loaded_used_and_closed_on_three_threads(package: Package, world: World) -> None:
    made: list[TensorRtEngine] = []
    masks: list[Masks] = []
    for work in (
        lambda: made.append(gpu_engine(package)),
        lambda: masks.extend(stream(made[0], range(3))),
        lambda: made.pop().close(),
    ):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(time_limit(60))
    assert len(masks) == 3
    assert not world.taken


@pytest.mark.parametrize("batch", [0, 3])
def test_a_batch_it_was_not_built_for_is_refused(package: Package, batch: int) -> None:
    engine = gpu_engine(package, most=2)
    with pytest.raises(EngineError, match=f"{batch} pictures at once; this engine was built for 1 to 2"):
        engine.start(picture(0, batch))
    engine.close()


def test_another_engines_memory_is_refused(package: Package) -> None:
    one, other = gpu_engine(package), gpu_engine(package)
    with pytest.raises(EngineError, match="memory is another engine's"):
        one.start(picture(0)).stabilise(*planes(0), other.fresh_memory())
    one.close()
    other.close()


def test_a_package_of_a_segmenter_alone(tmp_path: Path) -> None:
    package = make_package(tmp_path, Tiny(stabiliser=False, readout=False))
    engine, plain = gpu_engine(package), ort.load(package, Settings("f32", 1, None))
    engine.warm_up()
    assert_equal([engine.start(picture(1)).readout()], [plain.start(picture(1)).readout()])
    for ask in (
        engine.fresh_memory,
        lambda: engine.start(picture(1)).stabilise(*planes(1), None),  # type: ignore[arg-type]
    ):
        with pytest.raises(EngineError, match="no stabiliser"):
            ask()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.read_out(plain.start(picture(1)).logits())
    plain.close()


def test_a_run_that_outlives_its_engine_says_so(package: Package) -> None:
    engine = gpu_engine(package)
    run, memory = engine.start(picture(0)), engine.fresh_memory()
    run.wait()
    engine.close()
    for ask in (run.logits, run.readout, lambda: run.stabilise(*planes(0), memory)):
        with pytest.raises(EngineError, match="closed"):
            ask()


def test_a_gpu_that_is_full_costs_the_frame_alone(package: Package, world: World) -> None:
    engine = gpu_engine(package)
    first = engine.start(picture(0))
    room, world.room = world.room, 10
    with pytest.raises(EngineError, match="out of memory"):
        engine.start(picture(1))
    world.room = room
    assert engine.start(picture(1)).logits().shape == first.logits().shape
    engine.close()


def test_an_unknown_role_is_named(tmp_path: Path) -> None:
    engine = gpu_engine(make_package(tmp_path, Tiny(stabiliser=False)))
    with pytest.raises(EngineError, match="tiny: the package has no stabiliser"):
        engine._plan(GraphRole.STABILISER)
    engine.close()


def test_a_gpu_at_fault_does_not_keep_whoever_closes_its_engine(
    package: Package, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise pycuda.LogicError("cuStreamSynchronize failed: an illegal memory access was encountered")

    engine = gpu_engine(package)
    run = engine.start(picture(0))
    monkeypatch.setattr(pycuda.Stream, "synchronize", fail)
    monkeypatch.setattr(pycuda.Event, "synchronize", fail)
    with pytest.raises(EngineError, match="illegal memory access"):
        run.wait()
    engine.close()
    engine.close()
    assert len([line for line in caplog.messages if "could not be freed in order: CUDA failed" in line]) == 2
    assert not any(isinstance(held, pycuda.Context) for held in world.taken)
    assert not world.stack()
    with pytest.raises(EngineError, match="closed"):
        engine.start(picture(0))
