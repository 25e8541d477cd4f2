from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamseg.errors import EngineError
from streamseg.inference.engine import EngineMemory, Masks
from streamseg.temporal.optical_flow import OpticalFlow
from streamseg.temporal.reset import ResetReason
from streamseg.temporal.stage import make_stage
from streamseg.types import F32, U8
from tests.fakes.engine import FakeEngine, FakeRun
from tests.temporal.conftest import make_frame, scene, view


def rgb(seed: int) -> U8:
    return np.random.default_rng(seed).integers(0, 200, (1, 48, 64, 3), dtype=np.uint8)


def luma(x: int) -> U8:
    return view(scene(0), x, 60)


class Watched(FakeRun):
    """A run that notes in which order it is asked, and for what."""

    def __init__(self, engine: FakeEngine, image: U8) -> None:
        super().__init__(engine, engine.start(image).logits())
        self.asked: list[str] = []
        self.fed: dict[str, Any] = {}

    def wait(self) -> None:
        self.asked.append("wait")
        super().wait()

    def stabilise(self, guide: F32, flow: F32, memory: EngineMemory) -> tuple[Masks, EngineMemory]:
        self.asked.append("stabilise")
        self.fed = {"guide": guide, "flow": flow, "memory": memory}
        return super().stabilise(guide, flow, memory)


def test_motion_is_computed_before_the_run_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    stage = make_stage("convgru", engine)
    _, memory = stage.step(engine.start(rgb(0)), make_frame(0), luma(60), None)
    run = Watched(engine, rgb(1))
    search = OpticalFlow.search

    def noted(motion: OpticalFlow, now: U8, before: U8) -> F32:
        run.asked.append("flow")
        return search(motion, now, before)

    monkeypatch.setattr(OpticalFlow, "search", noted)
    run.asked.clear()
    stage.step(run, make_frame(1), luma(64), memory)
    assert run.asked[:2] == ["flow", "wait"]


def test_what_the_stabiliser_is_fed() -> None:
    engine = FakeEngine()
    stage = make_stage("convgru", engine)
    _, memory = stage.step(engine.start(rgb(0)), make_frame(0), luma(60), None)
    run = Watched(engine, rgb(1))
    stage.step(run, make_frame(1), luma(75), memory)
    assert run.fed["memory"] is memory.state
    assert run.fed["guide"].shape == (1, 1, 12, 16)
    assert 0 <= run.fed["guide"].min() < run.fed["guide"].max() <= 1
    assert np.median(run.fed["flow"][0, 0]) == pytest.approx(15 * 16 / 240, abs=0.2)


def test_without_a_past_nothing_moved() -> None:
    engine = FakeEngine()
    run = Watched(engine, rgb(0))
    make_stage("convgru", engine).step(run, make_frame(0), luma(60), None)
    assert not run.fed["flow"].any()
    assert not run.fed["memory"].state.any()


def test_nan_in_the_memory_lets_the_past_go_and_says_so() -> None:
    engine = FakeEngine()
    stage = make_stage("convgru", engine)
    _, memory = stage.step(engine.start(rgb(0)), make_frame(0), luma(60), None)
    engine.poison = 1
    masks, after = stage.step(engine.start(rgb(1)), make_frame(1), luma(61), memory)
    assert after.reset is ResetReason.NOT_FINITE
    assert engine.memory_is_finite(after.state)
    fresh, _ = stage.step(engine.start(rgb(1)), make_frame(1), luma(61), None)
    np.testing.assert_array_equal(masks.labels, fresh.labels)
    assert stage.step(engine.start(rgb(2)), make_frame(2), luma(62), after)[1].reset is None


def test_a_reset_that_was_due_keeps_its_name() -> None:
    engine = FakeEngine()
    engine.poison = 1
    _, memory = make_stage("convgru", engine).step(engine.start(rgb(0)), make_frame(0), luma(60), None)
    assert memory.reset is ResetReason.START


def test_nan_that_does_not_go_away_is_an_engine_error() -> None:
    engine = FakeEngine()
    engine.poison = 2
    with pytest.raises(EngineError, match="fake: NaN or infinity in the memory, even without a past"):
        make_stage("convgru", engine).step(engine.start(rgb(0)), make_frame(0), luma(60), None)
