"""Frames of several streams at once give what each stream's pipeline makes of its own."""

from __future__ import annotations

import numpy as np
import pytest

from streamseg.config.schema import RoiConfig
from streamseg.daemon.stream.batch import process_together
from streamseg.daemon.stream.pipeline import Pipeline, View
from streamseg.errors import EngineError
from streamseg.temporal.stage import make_stage
from streamseg.types import Frame, TemporalMode
from tests.fakes.engine import FakeEngine
from tests.fakes.source import make_frame, make_picture

MODES = (TemporalMode.CONVGRU, TemporalMode.NONE, TemporalMode.CONVGRU, TemporalMode.EMA)
VIEWS = (None, View(output_wh=(32, 24)), View(RoiConfig(x=0.25, w=0.5)), None)


def pipelines(engine: FakeEngine) -> list[Pipeline]:
    return [
        Pipeline(engine, make_stage(mode, engine), lambda: 7, view)
        for mode, view in zip(MODES, VIEWS, strict=True)
    ]


def frame(index: int, seq: int) -> Frame:
    return make_frame(stream=f"s{index}", seq=seq, picture=make_picture((160, 90), y=40 * index + seq))


def test_each_gets_what_it_gets_alone() -> None:
    engine = FakeEngine()
    alone, batched = pipelines(engine), pipelines(engine)
    for seq in range(3):
        frames = [frame(index, seq) for index in range(4)]
        runs = engine.runs
        made = process_together(engine, list(zip(batched, frames, strict=True)))
        assert engine.runs == runs + 2  # one batch of those with a stabiliser, one of the others
        for one, own, of in zip(made, alone, frames, strict=True):
            expected = own.process(of)
            np.testing.assert_array_equal(one.labels, expected.labels)
            np.testing.assert_array_equal(one.rgb, expected.rgb)
            assert (one.frame, one.mode, one.reset, one.region, one.output_wh) == (
                of, expected.mode, expected.reset, expected.region, expected.output_wh,
            )  # fmt: skip
            assert set(one.ms) == set(expected.ms)


def test_a_failure_leaves_every_memory_as_it_was() -> None:
    engine = FakeEngine()
    batched = pipelines(engine)
    process_together(engine, [(pipeline, frame(index, 0)) for index, pipeline in enumerate(batched)])
    white = make_frame(stream="s3", seq=1, picture=make_picture(y=255))  # in the second of two batches
    frames = [*(frame(index, 1) for index in range(3)), white]
    with pytest.raises(EngineError, match="NaN"):
        process_together(engine, list(zip(batched, frames, strict=True)))
    again = [pipeline.process(frame(index, 1)) for index, pipeline in enumerate(batched)]
    assert [one.reset for one in again] == [False] * 4
