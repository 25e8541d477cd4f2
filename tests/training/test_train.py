"""A whole run on drawn pictures: from two folders of PNGs to a package the daemon takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamseg.errors import TrainingError
from streamseg.inference.packages.manifest import load_manifest, sha256_file
from streamseg.inference.packages.package import open_package
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import DiscriminatorRecipe
from streamseg.training.loop.distributed import new_fabric
from streamseg.training.loop.fresh import stages_to_discard
from streamseg.training.loop.run_dir import RunDirectory
from streamseg.training.loop.run_lock import run_lock
from streamseg.training.loop.step_log import read_log
from streamseg.training.loop.trainer import Trainer
from streamseg.training.train import check_data, train, train_stages


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
    with pytest.raises(TrainingError, match=r"segment.lr_decoder: 0.5, was 0.002\n.*--fresh segment"):
        train(changed, tmp_path / "runs", said.append)
    assert load_manifest(folders.package / "model.yaml") == manifest


def test_unfit_data_is_refused_before_training(recipe: Recipe) -> None:
    data = recipe.data.model_copy(update={"void": []})
    with pytest.raises(TrainingError, match=r"cannot be trained on:\ntrain: unknown label id 9 .*\nval: "):
        check_data(recipe.model_copy(update={"data": data}))


def test_what_is_odd_but_not_wrong_is_logged(recipe: Recipe, caplog: pytest.LogCaptureFixture) -> None:
    (recipe.data.train[0].images / "07.png").rename(recipe.data.train[0].images / "08.png")
    (recipe.data.train[0].labels / "07.png").rename(recipe.data.train[0].labels / "08.png")
    (recipe.data.val.labels / "99.png").write_bytes(b"")
    check_data(recipe)
    assert [record.message for record in caplog.records] == [
        f"data: val: 1 labels in {recipe.data.val.labels} have no picture: 99.png"
    ]


def test_the_whole_chain_and_a_stage_on_its_own(recipe: Recipe, tmp_path: Path) -> None:
    data = recipe.data.model_copy(update={"unlabelled": [recipe.data.val.images]})
    stages = ["segment", "adversarial", "semi", "stabilise"]
    short = {"epochs": 1, "critic": DiscriminatorRecipe(warmup_steps=1)}
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


def test_a_run_named_like_a_stage_keeps_its_checkpoint(recipe: Recipe, tmp_path: Path) -> None:
    named = recipe.model_copy(update={"name": "segment", "stages": ["segment"]})
    folders = train(named, tmp_path, lambda _: None)
    assert (folders.stage("segment") / "checkpoint.safetensors").exists()
    before = read_log(folders.stage("segment"))
    train(named, tmp_path, lambda _: None)
    assert read_log(folders.stage("segment")) == before, "nothing was learnt again"


def test_what_a_run_began_with_is_in_its_package(recipe: Recipe, tmp_path: Path) -> None:
    strict = recipe.data.model_copy(update={"license": "CC-BY-NC-4.0"})
    first = train(
        recipe.model_copy(update={"name": "first", "stages": ["segment"], "data": strict}),
        tmp_path, lambda _: None,
    )  # fmt: skip
    said: list[str] = []
    start = first.stage("segment")
    second = train(recipe.model_copy(update={"name": "second", "start": start}), tmp_path, said.append)
    assert "licence: CC-BY-NC-4.0, which what the weights begin with asks for" in said
    manifest = load_manifest(second.package / "model.yaml")
    assert manifest.license == "CC-BY-NC-4.0"
    assert manifest.lineage is not None
    (parent,) = manifest.lineage
    assert (parent.relation, parent.name, parent.license) == ("start", "first/segment", "CC-BY-NC-4.0")
    assert parent.sha256 == sha256_file(start / "checkpoint.safetensors")
    text = (second.package / "README.md").read_text()
    assert "first/segment" in text
    assert parent.sha256[:12] in text

    copyleft = recipe.data.model_copy(update={"license": "GPL-3.0-only"})
    other = recipe.model_copy(update={"name": "third", "start": second.package, "data": copyleft})
    with pytest.raises(TrainingError, match=r"GPL-3\.0-only does not cover .*second is CC-BY-NC-4\.0"):
        train(other, tmp_path, said.append)


def test_a_run_in_a_folder_that_is_in_use_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    folders = RunDirectory(tmp_path, recipe.name)
    with run_lock(folders.lock), pytest.raises(TrainingError, match="tiny is in use by process"):
        train(recipe, tmp_path, lambda _: None)
    assert not folders.stage("segment").exists()


def test_one_stage_anew_keeps_those_before_it(recipe: Recipe, tmp_path: Path) -> None:
    folders = train(recipe, tmp_path, lambda _: None)
    kept = (folders.stage("segment") / "checkpoint.safetensors").stat().st_ino
    said: list[str] = []
    steps = recipe.stabilise.model_copy(update={"lr": 1e-4})
    changed = recipe.model_copy(update={"stabilise": steps})
    train(changed, tmp_path, said.append, fresh=stages_to_discard(changed, "stabilise"))
    assert said[0] == f"--fresh: deleted what stabilise had learnt (2 steps, {folders.stage('stabilise')})"
    assert not any("segment had" in line for line in said)
    assert (folders.stage("segment") / "checkpoint.safetensors").stat().st_ino == kept
    assert [e["step"] for e in read_log(folders.stage("stabilise")) if "loss" in e] == [1, 2]


def test_how_often_is_saved_is_the_recipes(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seldom = recipe.model_copy(update={"stages": ["segment"], "checkpoint_every_s": 1e9})
    saved: dict[float, list[int]] = {}
    save = Trainer.save
    for every_s in (0.0, 1e9):
        steps = saved[every_s] = []

        def note(run: Trainer[Any], steps: list[int] = steps) -> None:
            steps.append(run.step)
            save(run)

        monkeypatch.setattr(Trainer, "save", note)
        often = seldom.model_copy(update={"checkpoint_every_s": every_s, "name": f"run-{every_s:g}"})
        train_stages(often, RunDirectory(tmp_path, often.name), new_fabric(), lambda _: None)
    assert set(saved[0.0]) == set(range(1, 9))
    assert set(saved[1e9]) == {4, 8}, "at each measurement and at the end"
