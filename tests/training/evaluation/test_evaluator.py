"""What is counted, by whom, and against which motion."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamseg.inference.engine import Masks
from streamseg.training.data.dataset import Shot
from streamseg.training.evaluation.evaluator import Evaluation, Moment, as_json, label_perfectly, measure
from streamseg.types import U8
from tests.training.conftest import draw


def shot(index: int, seed: int = 3) -> Shot:
    image, label = draw(seed)
    return Shot(index, index / 15, image, image, np.where(label == 9, 255, label).astype(np.uint8))


def test_labels_are_compared_at_the_truths_size() -> None:
    result = Evaluation(["a", "b"])
    truth = np.repeat(np.repeat(np.array([[0, 1], [1, 0]], np.uint8), 4, 0), 4, 1)
    masks = Masks(np.array([[[0, 1], [1, 0]]], np.uint8), np.full((1, 2, 2), 255, np.uint8))
    prediction = result.add(truth, masks)
    assert prediction.shape == (8, 8)
    measures = result.measures(clip=False)
    assert measures.miou == 1
    assert measures.calibration_error == 0
    assert measures.iou == {"a": 1.0, "b": 1.0}


def test_every_player_sees_every_shot_and_its_times_are_kept() -> None:
    seen: list[int] = []

    def ground(shown: Shot) -> tuple[Masks, float]:
        seen.append(shown.index)
        return Masks(np.zeros((1, *shown.truth.shape), np.uint8), None), float(10 + shown.index)

    results = measure([shot(0), shot(1), shot(2)], {"ground": ground}, ["ground", "disc", "bar"], clip=False)
    assert seen == [0, 1, 2]
    assert list(results) == ["ground"]
    assert results["ground"].frame_ms == 11
    assert results["ground"].iou["disc"] == 0
    assert math.isnan(results["ground"].flicker)
    assert as_json(results)["ground"]["calibration_error"] is None, "no confidence, nothing to calibrate"


def test_a_clip_adds_the_truth_and_steadiness() -> None:
    flip = iter([0, 1, 0])

    def restless(shown: Shot) -> tuple[Masks, float]:
        return Masks(np.full((1, *shown.truth.shape), next(flip), np.uint8), None), 1.0

    results = measure([shot(0), shot(1), shot(2)], {"x": restless}, ["ground", "disc", "bar"], clip=True)
    assert list(results) == ["x", "truth"]
    assert results["x"].flicker == 1
    assert (results["truth"].miou, results["truth"].flicker) == (1, 0)
    assert results["truth"].calibration_error == 0
    assert as_json(results)["truth"]["frame_ms"] is None


def test_motion_is_that_of_the_scenes_whatever_the_model_sees() -> None:
    rng = np.random.default_rng(5)
    noise: list[U8] = [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(2)]
    blind = [Shot(s.index, s.time_s, s.scene, noise[s.index], s.truth) for s in (shot(0), shot(1))]
    names = ["ground", "disc", "bar"]
    clear = measure([shot(0), shot(1)], {"x": label_perfectly}, names, clip=True)
    assert measure(blind, {"x": label_perfectly}, names, clip=True)["x"].temporal_iou == pytest.approx(
        clear["x"].temporal_iou
    )


def test_a_watcher_is_shown_every_moment() -> None:
    seen: list[Moment] = []
    players = {"x": label_perfectly}
    measure([shot(0), shot(1)], players, ["ground", "disc", "bar"], clip=True, watchers=[seen.append])
    assert [moment.shot.index for moment in seen] == [0, 1]
    assert [moment.motion is None for moment in seen] == [True, False]
    assert list(seen[0].labels) == ["x", "truth"]
    assert (seen[1].labels["x"] == shot(1).truth).all()
