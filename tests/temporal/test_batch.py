"""Several streams in one step; that each gets what it gets alone is in tests/contracts/test_temporal.py."""

from __future__ import annotations

import numpy as np
import pytest

from streamseg.errors import EngineError
from streamseg.temporal.batch import Part, Row, _Batch, step_batch
from streamseg.temporal.stage import make_stage
from streamseg.types import TemporalMode
from tests.fakes.engine import FakeEngine
from tests.temporal.conftest import make_frame, scene, view

PICTURES = np.random.default_rng(0).integers(0, 200, (3, 48, 64, 3), dtype=np.uint8)


def parts(engine: FakeEngine, mode: TemporalMode) -> list[Part]:
    return [
        Part(make_stage(mode, engine), make_frame(0), view(scene(seed), 60, 60), None) for seed in range(3)
    ]


def test_memories_that_are_not_finite_fail_the_batch() -> None:
    engine = FakeEngine()
    asked = parts(engine, TemporalMode.CONVGRU)
    engine.poison = 1
    with pytest.raises(EngineError, match="NaN or infinity in a memory of a batch"):
        step_batch(engine, engine.start(PICTURES), asked)
    assert len(step_batch(engine, engine.start(PICTURES), asked)) == 3


def test_streams_of_different_limits_share_a_batch() -> None:
    engine = FakeEngine()
    stages = [make_stage(TemporalMode.CONVGRU, engine, motion) for motion in ("flow", "none", "flow")]
    asked = [
        Part(stage, part.frame, part.luma, None)
        for stage, part in zip(stages, parts(engine, TemporalMode.CONVGRU), strict=True)
    ]
    runs = engine.runs
    assert len(step_batch(engine, engine.start(PICTURES), asked)) == 3
    assert engine.runs == runs + 1


def test_averages_and_none_share_one_too() -> None:
    engine = FakeEngine()
    modes = (TemporalMode.EMA, TemporalMode.NONE, TemporalMode.EMA)
    asked = [parts(engine, mode)[index] for index, mode in enumerate(modes)]
    steps = step_batch(engine, engine.start(PICTURES), asked)
    assert [masks.labels.shape for masks, _ in steps] == [(1, 48, 64)] * 3


def test_a_row_is_a_run_of_one_picture() -> None:
    engine = FakeEngine()
    run = engine.start(PICTURES)
    row, alone = Row(_Batch(run), 1), engine.start(PICTURES[1:2])
    row.wait()
    assert row.infer_ms == run.infer_ms
    np.testing.assert_array_equal(row.logits(), alone.logits())
    np.testing.assert_array_equal(row.readout().labels, alone.readout().labels)
    plane = np.zeros((1, 1, 12, 16), np.float32)
    with pytest.raises(EngineError, match="cannot be stabilised by itself"):
        row.stabilise(plane, np.zeros((1, 2, 12, 16), np.float32), engine.fresh_memory())
