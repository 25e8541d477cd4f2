"""A whole run on drawn pictures: from two folders of PNGs to a package the daemon takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.errors import TrainingError
from streamseg.inference.manifest import load_manifest
from streamseg.inference.package import open_package
from streamseg.training.recipe import Recipe
from streamseg.training.train import check_data, train


def test_pictures_in_package_out(recipe: Recipe, tmp_path: Path) -> None:
    said: list[str] = []
    folders = train(recipe, tmp_path / "runs", said.append)
    manifest = open_package(str(folders.package)).manifest
    assert set(manifest.metrics) == {"none", "ema", "convgru", "truth"}
    assert "## Limits" in (folders.package / "README.md").read_text()
    assert "<title>tiny 0.1</title>" in folders.report.read_text()
    assert any("training the segmenter: 6 pictures, 6 steps" in line for line in said)

    before = (folders.package / "segmenter.onnx").read_bytes()
    train(recipe, tmp_path / "runs", said.append)  # finished: exports and measures again
    assert (folders.package / "segmenter.onnx").read_bytes() == before

    changed = recipe.model_copy(update={"segment": recipe.segment.model_copy(update={"lr_decoder": 0.5})})
    with pytest.raises(TrainingError, match=r"another recipe \(changed: segment\).*--fresh"):
        train(changed, tmp_path / "runs", said.append)
    assert load_manifest(folders.package / "model.yaml") == manifest


def test_unfit_data_is_refused_before_training(recipe: Recipe) -> None:
    data = recipe.data.model_copy(update={"void": []})
    with pytest.raises(TrainingError, match=r"cannot be trained on:\n(.*unknown label ids \[9\]\n?)+"):
        check_data(recipe.model_copy(update={"data": data}))
