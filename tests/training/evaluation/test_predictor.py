"""A player goes on from the shot before, or starts afresh."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine
from streamseg.temporal.reset import ResetReason
from streamseg.temporal.stage import make_stage
from streamseg.training.data.dataset import Shot
from streamseg.training.evaluation.predictor import TemporalPredictor, step
from tests.fakes.packages import make_package
from tests.training.conftest import draw


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[InferenceEngine]:
    with closing(load_engine(make_package(tmp_path), precision="f32")) as engine:
        yield engine


def shot(time_s: float, scale: int = 1) -> Shot:
    image = np.repeat(np.repeat(draw(4)[0], scale, 0), scale, 1)
    return Shot(round(time_s * 15), time_s, image, image, image[..., 0])


def test_a_clip_is_remembered(engine: InferenceEngine) -> None:
    player = TemporalPredictor(engine, make_stage("convgru", engine), remembers=True)
    reasons = []
    for time_s in (0.0, 0.1, 1.5):
        player(shot(time_s))
        assert player.memory is not None
        reasons.append(player.memory.reset)
    assert reasons == [ResetReason.START, None, ResetReason.GAP]


def test_stills_are_not(engine: InferenceEngine) -> None:
    player = TemporalPredictor(engine, make_stage("convgru", engine), remembers=False)
    first, again = player(shot(0.0))[0], player(shot(0.1))[0]
    assert player.memory is None
    assert np.array_equal(first.labels, again.labels)


def test_pictures_of_another_size_are_scaled_to_the_networks(engine: InferenceEngine) -> None:
    stage = make_stage("none", engine)
    (small, _, took_ms), (large, _, _) = (step(engine, stage, shot(0.0, scale), None) for scale in (1, 2))
    assert small.labels.shape == large.labels.shape == (1, 48, 64)
    assert np.array_equal(small.labels, large.labels), "each pixel twice, averaged, is the same picture"
    assert took_ms > 0
