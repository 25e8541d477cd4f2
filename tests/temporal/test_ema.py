from __future__ import annotations

import numpy as np
import pytest

from streamseg.inference.readout import softmax
from streamseg.temporal.ema import EmaStage
from streamseg.temporal.optical_flow import carry
from streamseg.temporal.stage import make_stage
from streamseg.types import U8
from tests.fakes.engine import FakeEngine
from tests.temporal.conftest import make_frame, scene, view

LUMA = view(scene(0), 60, 60)


def rgb(seed: int) -> U8:
    return np.random.default_rng(seed).integers(0, 200, (1, 48, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.7])
def test_it_is_the_average_it_says(keep: float) -> None:
    engine = FakeEngine()
    stage = make_stage("ema", engine, "none", ema=keep)
    first, second = (softmax(engine.start(rgb(seed)).logits()) for seed in (0, 1))
    _, memory = stage.step(engine.start(rgb(0)), make_frame(0), LUMA, None)
    np.testing.assert_allclose(memory.state, first, atol=1e-6)
    masks, memory = stage.step(engine.start(rgb(1)), make_frame(1), LUMA, memory)
    np.testing.assert_allclose(memory.state, keep * first + (1 - keep) * second, atol=1e-6)
    centres = masks.labels[:, 1::4, 1::4]
    assert (centres == memory.state.argmax(axis=1)).mean() > 0.8


def test_a_steady_picture_stays_as_it_is() -> None:
    engine = FakeEngine()
    stage = make_stage("ema", engine, "flow", ema=0.7)
    memory = None
    for seq in range(5):
        masks, memory = stage.step(engine.start(rgb(0)), make_frame(seq), LUMA, memory)
    np.testing.assert_array_equal(masks.labels, engine.start(rgb(0)).readout().labels)


def test_with_motion_the_past_is_carried_along() -> None:
    """The average of what is at a place now with what was there before it moved."""
    engine = FakeEngine()
    stage = make_stage("ema", engine, "flow", ema=0.5)
    assert isinstance(stage, EmaStage)
    _, memory = stage.step(engine.start(rgb(0)), make_frame(0), LUMA, None)
    _, after = stage.step(engine.start(rgb(1)), make_frame(1), view(scene(0), 75, 60), memory)
    now, still = softmax(engine.start(rgb(1)).logits()), np.zeros((1, 2, 12, 16), np.float32)
    still[:, 0] = 15 * 16 / 240
    inside = np.s_[:, :, 2:-2, 2:-3]
    expected = (now + carry(memory.state, still)) / 2
    unmoved = (now + memory.state) / 2
    assert np.abs(after.state - expected)[inside].mean() < 0.5 * np.abs(after.state - unmoved)[inside].mean()


def test_probabilities_stay_probabilities() -> None:
    engine = FakeEngine()
    stage = make_stage("ema", engine, "flow", ema=0.9)
    memory = None
    for seq in range(6):
        _, memory = stage.step(
            engine.start(rgb(seq)), make_frame(seq), view(scene(0), 60 + 2 * seq, 60), memory
        )
    assert memory is not None
    np.testing.assert_allclose(memory.state.sum(axis=1), 1.0, atol=1e-4)
    assert (memory.state >= 0).all()
