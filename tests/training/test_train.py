"""A whole run on drawn pictures: from two folders of PNGs to a package the daemon takes."""

from __future__ import annotations

import json
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
    assert any("training the segmenter: 8 pictures, 8 steps" in line for line in said)

    before = (folders.package / "segmenter.onnx").read_bytes()
    _forget(folders.stage("segment") / "recipe.json", "losses")  # a setting younger than the run
    train(recipe, tmp_path / "runs", said.append)  # finished: exports and measures again
    assert (folders.package / "segmenter.onnx").read_bytes() == before

    changed = recipe.model_copy(update={"segment": recipe.segment.model_copy(update={"lr_decoder": 0.5})})
    with pytest.raises(TrainingError, match=r"another recipe \(changed: segment\).*--fresh"):
        train(changed, tmp_path / "runs", said.append)
    assert load_manifest(folders.package / "model.yaml") == manifest


def _forget(settings: Path, key: str) -> None:
    told = json.loads(settings.read_text())
    del told["segment"][key]
    settings.write_text(json.dumps(told))


def test_unfit_data_is_refused_before_training(recipe: Recipe) -> None:
    data = recipe.data.model_copy(update={"void": []})
    with pytest.raises(TrainingError, match=r"cannot be trained on:\ntrain: unknown label id 9 .*\nval: "):
        check_data(recipe.model_copy(update={"data": data}))


def test_what_is_odd_but_not_wrong_is_logged(recipe: Recipe, caplog: pytest.LogCaptureFixture) -> None:
    (recipe.data.train.images / "07.png").rename(recipe.data.train.images / "08.png")
    (recipe.data.train.labels / "07.png").rename(recipe.data.train.labels / "08.png")
    (recipe.data.val.labels / "99.png").write_bytes(b"")
    check_data(recipe)
    assert [record.message for record in caplog.records] == [
        f"data: val: 1 labels in {recipe.data.val.labels} have no picture: 99.png"
    ]
