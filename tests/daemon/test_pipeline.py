"""From a frame to its segmentation."""

from __future__ import annotations

import pytest

from streamseg.daemon.pipeline import Pipeline
from streamseg.errors import EngineError
from streamseg.temporal.stage import make_stage
from streamseg.types import TemporalMode
from tests.fakes.engine import FakeEngine
from tests.fakes.source import make_frame, make_picture


def make(mode: TemporalMode = TemporalMode.CONVGRU) -> tuple[Pipeline, FakeEngine]:
    engine = FakeEngine()
    return Pipeline(engine, make_stage(mode, engine), lambda: 7), engine


@pytest.mark.parametrize("mode", TemporalMode)
def test_a_frame_becomes_a_label_map(mode: TemporalMode) -> None:
    pipeline, _ = make(mode)
    frame = make_frame(picture=make_picture((160, 90)))
    made = pipeline.process(frame)
    assert made.frame is frame
    assert made.labels.shape == (48, 64)
    assert made.rgb.shape == (48, 64, 3)
    assert made.mode is mode
    assert made.capture_drops == 7
    assert set(made.ms) == {"decode", "wait", "infer", "stabilise"}
    assert all(spent >= 0 for spent in made.ms.values())


def test_the_memory_is_kept_from_frame_to_frame() -> None:
    pipeline, _ = make()
    assert [pipeline.process(make_frame(seq=seq)).reset for seq in range(3)] == [True, False, False]


def test_another_picture_size_lets_the_memory_go() -> None:
    pipeline, _ = make()
    sizes = [(32, 16), (32, 16), (64, 32), (64, 32)]
    resets = [pipeline.process(make_frame(seq=i, picture=make_picture(s))).reset for i, s in enumerate(sizes)]
    assert resets == [True, False, True, False]


def test_a_failure_lets_the_memory_go() -> None:
    pipeline, engine = make()
    pipeline.process(make_frame(seq=0))
    engine.fail_with = EngineError("NaN in the logits")
    with pytest.raises(EngineError, match="NaN"):
        pipeline.process(make_frame(seq=1))
    engine.fail_with = None
    assert pipeline.process(make_frame(seq=2)).reset
    assert not pipeline.process(make_frame(seq=3)).reset


def test_nan_in_the_memory_is_a_reset_not_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    pipeline, engine = make()
    pipeline.process(make_frame(seq=0))
    engine.poison = 1
    assert pipeline.process(make_frame(seq=1)).reset
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "memory let go: not_finite")
    assert getattr(record, "stream", "") == "gate"
