"""A whole run on drawn pictures: from two folders of PNGs to a package the daemon takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamseg.errors import TrainingError
from streamseg.inference.manifest import load_manifest
from streamseg.inference.package import open_package
from streamseg.training.recipe import Recipe
from streamseg.training.stage_recipes import CriticRecipe
from streamseg.training.step_log import read_log
from streamseg.training.train import _same_recipe, check_data, train
from tests.training.conftest import with_encoder


def test_pictures_in_package_out(recipe: Recipe, tmp_path: Path) -> None:
    said: list[str] = []
    folders = train(recipe, tmp_path / "runs", said.append)
    manifest = open_package(str(folders.package)).manifest
    assert set(manifest.metrics) == {"none", "ema", "convgru", "truth"}
    assert "## Limits" in (folders.package / "README.md").read_text()
    assert "<title>tiny 0.1</title>" in folders.report.read_text()
    assert any("segment: 8 pictures, 8 steps" in line for line in said)

    before = (folders.package / "segmenter.onnx").read_bytes()
    train(recipe, tmp_path / "runs", said.append)  # finished: exports and measures again
    assert (folders.package / "segmenter.onnx").read_bytes() == before

    changed = recipe.model_copy(update={"segment": recipe.segment.model_copy(update={"lr_decoder": 0.5})})
    with pytest.raises(TrainingError, match=r"another recipe \(changed: segment\).*--fresh"):
        train(changed, tmp_path / "runs", said.append)
    assert load_manifest(folders.package / "model.yaml") == manifest


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


def test_a_run_of_an_older_version_goes_on(recipe: Recipe, tmp_path: Path) -> None:
    recipe = with_encoder(recipe, "lite0")
    path = tmp_path / "segment/recipe.json"
    _same_recipe(path, recipe, "segment")
    older = json.loads(path.read_text())
    del older["segment"]["architecture"], older["segment"]["encoder"], older["stages"], older["start"]
    path.write_text(json.dumps(older))
    other = with_encoder(recipe, "vgg")
    with pytest.raises(TrainingError, match=r"another recipe \(changed: segment\)"):
        _same_recipe(path, other, "segment")
    _same_recipe(path, recipe, "segment")
    assert json.loads(path.read_text())["segment"]["encoder"] == "lite0"


def test_a_setting_that_is_no_more_counts_as_changed(recipe: Recipe, tmp_path: Path) -> None:
    path = tmp_path / "segment/recipe.json"
    _same_recipe(path, recipe, "segment")
    path.write_text(json.dumps({**json.loads(path.read_text()), "given_up": 1}))
    with pytest.raises(TrainingError, match=r"\(changed: given_up\)"):
        _same_recipe(path, recipe, "segment")


def test_a_stage_depends_on_what_came_before_it_alone(recipe: Recipe, tmp_path: Path) -> None:
    stabilised = recipe.model_copy(update={"stages": ["segment", "stabilise"]})
    judged = recipe.model_copy(update={"stages": ["segment", "adversarial", "stabilise"]})
    for stage in ("segment", "stabilise"):
        _same_recipe(tmp_path / stage / "recipe.json", stabilised, stage)
    _same_recipe(tmp_path / "segment/recipe.json", judged, "segment")
    with pytest.raises(TrainingError, match=r"changed: adversarial, stages"):
        _same_recipe(tmp_path / "stabilise/recipe.json", judged, "stabilise")


def test_the_whole_chain_and_a_stage_on_its_own(recipe: Recipe, tmp_path: Path) -> None:
    data = recipe.data.model_copy(update={"unlabelled": [recipe.data.val.images]})
    stages = ["segment", "adversarial", "semi", "stabilise"]
    short = {"epochs": 1, "critic": CriticRecipe(warmup_steps=1)}
    chain = recipe.model_copy(
        update={
            "data": data,
            "stages": stages,
            "adversarial": recipe.adversarial.model_copy(update=short),
            "semi": recipe.semi.model_copy(update=short),
        }
    )
    folders = train(chain, tmp_path / "runs", lambda _: None)
    for stage in stages:
        assert (folders.stage(stage) / "checkpoint.safetensors").exists()
    assert {"ce", "fool", "critic", "critic_accuracy"} <= set(read_log(folders.stage("adversarial"))[-2])
    assert {"semi", "pass", "believed"} <= set(read_log(folders.stage("semi"))[-2])

    alone = chain.model_copy(
        update={"name": "alone", "stages": ["stabilise"], "start": folders.stage("semi")}
    )
    said: list[str] = []
    again = train(alone, tmp_path / "runs", said.append)
    assert [line.split(":")[0] for line in said if "pictures, " in line] == ["stabilise"]
    graphs = ("segmenter.onnx", "stabiliser.onnx")
    assert [(again.package / g).read_bytes() for g in graphs] == [
        (folders.package / g).read_bytes() for g in graphs
    ]
