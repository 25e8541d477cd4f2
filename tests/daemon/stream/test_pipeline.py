"""From a frame to its segmentation."""

from __future__ import annotations

import numpy as np
import pytest

from streamseg.config.schema import RoiConfig
from streamseg.daemon.stream.pipeline import Pipeline, View
from streamseg.errors import EngineError
from streamseg.temporal.stage import make_stage
from streamseg.types import Picture, PixelLayout, Region, TemporalMode
from tests.fakes.engine import FakeEngine
from tests.fakes.source import make_frame, make_picture


def make(mode: TemporalMode = TemporalMode.CONVGRU, view: View | None = None) -> tuple[Pipeline, FakeEngine]:
    engine = FakeEngine()
    return Pipeline(engine, make_stage(mode, engine), lambda: 7, view), engine


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
    made = [pipeline.process(make_frame(seq=i, picture=make_picture(s))) for i, s in enumerate(sizes)]
    assert [one.reset for one in made] == [True, False, True, False]
    assert [one.reset_reason for one in made] == ["start", "", "size", ""]


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


RIGHT = RoiConfig(x=0.5, w=0.5)


def halves(left: int, right: int) -> Picture:
    """A grey picture of 128 x 48 pixels whose halves differ."""
    plane = np.full((48, 128), left, np.uint8)
    plane[:, 64:] = right
    return Picture(PixelLayout.GRAY, (plane,), (128, 48), full_range=True)


@pytest.mark.parametrize("mode", TemporalMode)
def test_only_the_region_of_interest_is_looked_at(mode: TemporalMode) -> None:
    seen, alone = make(mode, View(RIGHT)), make(mode)
    frame = make_frame(picture=halves(20, 200))
    made = seen[0].process(frame)
    plain = alone[0].process(
        make_frame(picture=Picture(PixelLayout.GRAY, (np.full((48, 64), 200, np.uint8),), (64, 48), True))
    )
    np.testing.assert_array_equal(made.rgb, np.full((48, 64, 3), 200, np.uint8))
    np.testing.assert_array_equal(made.labels, plain.labels)
    assert (made.frame, made.region) == (frame, Region(64, 0, 64, 48))


def test_another_region_lets_the_memory_go_and_another_size_of_masks_does_not() -> None:
    pipeline, _ = make(view=View(RIGHT))
    views = [View(RIGHT), View(RIGHT, (32, 24)), View(RoiConfig(w=0.5)), View(RoiConfig(w=0.5))]
    resets = []
    for seq, view in enumerate(views):
        pipeline.look(view)
        resets.append(pipeline.process(make_frame(seq=seq, picture=halves(90, 90))).reset)
    assert resets == [True, False, True, False]


def test_the_size_of_the_masks_is_told() -> None:
    pipeline, _ = make(view=View(output_wh=(32, 24)))
    assert pipeline.model.mask_wh == pipeline.process(make_frame()).output_wh == (32, 24)
    pipeline.look(View())
    assert pipeline.model.mask_wh == (64, 48)
    assert pipeline.process(make_frame()).output_wh is None
