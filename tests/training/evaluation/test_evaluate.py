"""Measuring a package in its temporal modes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from streamseg.errors import TrainingError
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.package import open_package
from streamseg.temporal.optical_flow import MotionMode
from streamseg.training.config.recipe import Recipe
from streamseg.training.data.dataset import find_dataset
from streamseg.training.evaluation.corruptions import Stress
from streamseg.training.evaluation.evaluate import ablate, evaluate
from streamseg.training.evaluation.evaluator import as_json
from streamseg.training.export.export import export
from streamseg.training.networks.checkpoint_networks import new_segmenter
from streamseg.training.stages.stabilise import new_stabiliser
from streamseg.types import TemporalMode
from tests.fakes.packages import Tiny, make_package


@pytest.fixture
def package(recipe: Recipe, tmp_path: Path) -> Path:
    export(recipe, new_segmenter(recipe, pretrained=False), new_stabiliser(recipe), tmp_path / "tiny")
    return tmp_path / "tiny"


def test_a_clip_is_measured_in_every_mode(package: Path, pictures: Path) -> None:
    engine = load_engine(open_package(str(package)), precision="f32")
    results = evaluate(engine, find_dataset(pictures / "val", clip=True))
    assert list(results) == ["none", "ema", "convgru", "truth"]
    assert results["truth"].miou == 1
    for mode in ("none", "ema", "convgru"):
        assert 0 <= results[mode].miou <= 1
        assert 0 <= results[mode].flicker <= 1
        assert results[mode].frame_ms > 0
    engine.close()


def test_stills_are_measured_without_memory(package: Path, pictures: Path) -> None:
    engine = load_engine(open_package(str(package)), precision="f32")
    data = find_dataset(pictures / "val")
    results = evaluate(engine, data, [TemporalMode.NONE, TemporalMode.CONVGRU])
    assert math.isnan(results["none"].flicker)
    # without a past a new stabiliser changes nothing
    assert results["convgru"].miou == pytest.approx(results["none"].miou, abs=0.02)
    assert as_json(results)["none"]["flicker"] is None
    engine.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[InferenceEngine]:
    with closing(load_engine(make_package(tmp_path / "engines", Tiny(classes=3)), precision="f32")) as engine:
        yield engine


def test_a_stress_changes_what_the_model_sees_and_not_what_is_true(
    engine: InferenceEngine, pictures: Path
) -> None:
    data = find_dataset(pictures / "val", clip=True)
    calm, noisy = (
        evaluate(engine, data, [TemporalMode.NONE], stress=stress) for stress in (None, Stress.NOISE)
    )
    assert noisy["none"].miou != calm["none"].miou
    assert as_json(noisy)["truth"] == as_json(calm)["truth"]


def test_an_ablation_turns_motion_off(engine: InferenceEngine, pictures: Path) -> None:
    data = find_dataset(pictures / "val", clip=True)
    results = ablate(engine, data)
    assert list(results) == ["none", "ema:flow", "ema:none", "convgru:flow", "convgru:none", "truth"]
    still = evaluate(engine, data, motion=MotionMode.NONE)
    for mode in ("ema", "convgru"):
        without, moved = results[f"{mode}:none"], results[f"{mode}:flow"]
        assert without.calibration_error == still[mode].calibration_error
        assert without.calibration_error != moved.calibration_error, "other places, other confidence"


def test_an_ablation_of_stills_is_refused(engine: InferenceEngine, pictures: Path) -> None:
    with pytest.raises(TrainingError, match="consecutive frames"):
        ablate(engine, find_dataset(pictures / "val"))
