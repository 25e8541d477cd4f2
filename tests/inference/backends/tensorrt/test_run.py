"""What runs keep to in common with every engine's is in `tests/contracts/test_engine.py`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from streamseg.errors import EngineError
from streamseg.inference.backends.tensorrt.engine import TensorRtEngine
from streamseg.inference.engine import EngineMemory
from streamseg.inference.packages.package import Package
from tests.fakes.gpu import gpu_engine
from tests.fakes.pycuda import World

PICTURE = np.random.default_rng(0).integers(0, 200, (1, 48, 64, 3), dtype=np.uint8)
GUIDE, FLOW = np.zeros((1, 1, 12, 16), np.float32), np.zeros((1, 2, 12, 16), np.float32)


@pytest.fixture
def engine(package: Package) -> Iterator[TensorRtEngine]:
    engine = gpu_engine(package, most=2)
    yield engine
    engine.close()


def test_logits_stay_where_they_are_until_somebody_asks(engine: TensorRtEngine, world: World) -> None:
    run = engine.start(PICTURE)
    run.stabilise(GUIDE, FLOW, engine.fresh_memory())
    # up: picture, guide, flow; down: the logits' means, labels, confidence, the memory's means
    assert world.copies == {"up": 3, "within": 0, "down": 4}
    run.readout()
    assert world.copies == {"up": 3, "within": 0, "down": 6}
    assert run.logits() is run.logits()
    assert world.copies == {"up": 3, "within": 0, "down": 7}


def test_memory_never_leaves_the_device(engine: TensorRtEngine, world: World) -> None:
    memory = engine.fresh_memory()
    for _ in range(3):
        _, memory = engine.start(PICTURE).stabilise(GUIDE, FLOW, memory)
        assert engine.memory_is_finite(memory)
    assert world.copies == {"up": 9, "within": 0, "down": 12}


def test_a_run_that_is_let_go_leaves_its_slot_to_the_next(engine: TensorRtEngine, world: World) -> None:
    engine.start(PICTURE)
    held = len(world.taken)
    for _ in range(20):
        engine.start(PICTURE).wait()
    assert len(world.taken) == held


def test_time_is_taken_once(engine: TensorRtEngine) -> None:
    run = engine.start(PICTURE)
    assert run.infer_ms == 0.0
    run.wait()
    first = run.infer_ms
    run.wait()
    assert 0 < run.infer_ms == first


def test_a_memory_of_more_streams_is_refused(engine: TensorRtEngine) -> None:
    with pytest.raises(EngineError, match="memory is of 2 streams, must be of 1"):
        engine.start(PICTURE).stabilise(GUIDE, FLOW, engine.fresh_memory(2))


def test_a_memory_is_an_array_for_who_wants_one(engine: TensorRtEngine) -> None:
    _, memory = engine.start(PICTURE).stabilise(GUIDE, FLOW, engine.fresh_memory())
    assert np.asarray(memory.state).dtype == np.float32
    assert np.asarray(memory.state, np.float64).dtype == np.float64
    again = EngineMemory(np.array(memory.state), 1)
    ours, theirs = (engine.start(PICTURE).stabilise(GUIDE, FLOW, past)[1] for past in (memory, again))
    np.testing.assert_array_equal(np.array(ours.state), np.array(theirs.state))
