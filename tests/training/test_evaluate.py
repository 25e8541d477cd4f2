"""Measuring a package: where data is found, and what is counted."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from streamseg.errors import TrainingError
from streamseg.inference.engine import Masks
from streamseg.inference.package import open_package
from streamseg.inference.select import load_engine
from streamseg.training.evaluate import Evaluation, as_json, evaluate, find_dataset
from streamseg.training.export import export
from streamseg.training.recipe import Recipe
from streamseg.training.segment import new_segmenter
from streamseg.training.stabilise import new_stabiliser
from streamseg.types import TemporalMode
from tests.training.conftest import recipe_document


def test_folders_are_recognised(pictures: Path) -> None:
    found = find_dataset(pictures / "val")
    assert len(found.pairs) == 3
    assert not found.clip
    assert find_dataset(pictures / "val", clip=True).clip


def test_camvid_names_mean_a_clip(pictures: Path) -> None:
    (pictures / "val/images").rename(pictures / "camvid_images")
    (pictures / "val/labels").rename(pictures / "valannot")
    (pictures / "val").rmdir()
    (pictures / "camvid_images").rename(pictures / "val")
    assert find_dataset(pictures).clip


def test_anything_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="expected a recipe, or a folder"):
        find_dataset(tmp_path)


def test_truth_is_read_as_the_recipe_says(pictures: Path, tmp_path: Path) -> None:
    document = recipe_document(pictures)
    document["data"] |= {"remap": {0: 0, 1: 2, 2: 1}}
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(document))
    plain, remapped = find_dataset(pictures / "val"), find_dataset(path)
    before, after = plain.read(plain.pairs[0], 3)[1], remapped.read(remapped.pairs[0], 3)[1]
    assert np.array_equal(after, np.array([0, 2, 1, *[255] * 253])[before])
    assert not (remapped.read(remapped.pairs[0], 2)[1] == 2).any(), "no class of a smaller model: ignored"


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
