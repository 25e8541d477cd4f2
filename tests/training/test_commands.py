"""What the two commands print and write."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import cv2
import pytest
import yaml

from streamseg.errors import ConfigError, MissingExtraError, TrainingError
from streamseg.inference.packages.manifest import dump_manifest
from streamseg.temporal.optical_flow import MotionMode
from streamseg.training import commands
from tests.fakes.packages import Tiny, make_package
from tests.training.conftest import draw, mixed_document, recipe_document


def test_train_then_evaluate(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(recipe_document(pictures)))
    commands.train(recipe, tmp_path / "runs", fresh=True)
    assert "package:" in capsys.readouterr().out
    figures = tmp_path / "figures.json"
    commands.evaluate_package(
        str(tmp_path / "runs/tiny/package/tiny"), recipe, precision="f32", json_path=figures
    )
    printed = capsys.readouterr().out
    assert "mIoU %" in printed
    assert "IoU % disc" in printed
    assert set(json.loads(figures.read_text())) == {"none", "ema", "convgru", "truth"}


def test_a_wrong_recipe_is_refused_before_torch_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        commands.train(tmp_path / "missing.yaml")


@pytest.fixture
def recipe_file(pictures: Path) -> Path:
    (pictures / "tiny.yaml").write_text(yaml.safe_dump(recipe_document(pictures)))
    return pictures / "tiny.yaml"


def named_package(folder: Path, *classes: str, name: str = "tiny", seed: int = 0) -> Path:
    package = make_package(folder, Tiny(classes=len(classes), seed=seed), name=name)
    named = tuple(
        one.model_copy(update={"name": said})
        for one, said in zip(package.manifest.classes, classes, strict=True)
    )
    dump_manifest(package.manifest.model_copy(update={"classes": named}), package.path / "model.yaml")
    return package.path


@pytest.fixture
def package(tmp_path: Path) -> str:
    return str(named_package(tmp_path / "engines", "ground", "disc", "bar"))


def test_everything_wanted_is_in_one_file(
    package: str, recipe_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = named_package(tmp_path / "others", "ground", "disc", "bar", name="other", seed=1)
    wanted = commands.Wanted((str(other),), stress=True, ablation=True, baselines=True)
    figures = tmp_path / "figures.json"
    commands.evaluate_package(package, recipe_file, precision="f32", json_path=figures, wanted=wanted)
    written = json.loads(figures.read_text())
    modes = {"none", "ema", "convgru", "truth"}
    assert set(written) == modes | {"stress", "after_cut", "ablation", "compare", "baselines"}
    assert set(written["stress"]) == {"noise", "dark", "h264", "lost"}
    assert all(set(by_mode) == modes for by_mode in written["stress"].values())
    assert set(written["compare"]) == {"tiny", "other"}
    assert written["compare"]["tiny"]["measures"]["none"] == written["none"]
    printed = capsys.readouterr().out
    assert "other on openvino" in printed
    assert "random forest" in printed


def test_without_motion(package: str, recipe_file: Path, tmp_path: Path) -> None:
    ece = {}
    for motion in MotionMode:
        path = tmp_path / f"{motion}.json"
        commands.evaluate_package(
            package, recipe_file, precision="f32", json_path=path, wanted=commands.Wanted(motion=motion)
        )
        written = json.loads(path.read_text())
        ece[motion.value] = [written[mode]["calibration_error"] for mode in ("none", "convgru")]
    assert ece["flow"][0] == ece["none"][0]
    assert ece["flow"][1] != ece["none"][1]


def test_what_cannot_be_done_is_refused_before_anything_is_measured(
    package: str, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("streamseg.training.evaluation.suites.measure_package")
    folder = pictures / "val"
    with pytest.raises(TrainingError, match="--baselines needs a recipe"):
        commands.evaluate_package(package, folder, wanted=commands.Wanted(baselines=True))
    with pytest.raises(TrainingError, match="--ablation needs consecutive frames"):
        commands.evaluate_package(package, folder, wanted=commands.Wanted(ablation=True))
    with pytest.raises(TrainingError, match="compared with itself"):
        commands.evaluate_package(package, folder, wanted=commands.Wanted((package,)))


def test_a_missing_extra_is_named_before_anything_is_measured(
    package: str, recipe_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("streamseg.training.evaluation.suites.measure_package")
    monkeypatch.delattr("streamseg.training.evaluation.baselines", raising=False)
    monkeypatch.setitem(sys.modules, "streamseg.training.evaluation.baselines", None)
    with pytest.raises(MissingExtraError, match=r"streamseg\[baselines\]"):
        commands.evaluate_package(package, recipe_file, wanted=commands.Wanted(baselines=True))


def test_explain_writes_a_sheet_here_and_prints_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = make_package(tmp_path / "engines", Tiny(discriminator=True)).path
    cv2.imwrite(str(tmp_path / "a picture.jpg"), draw(1)[0].repeat(3, axis=1))  # three times as wide
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # a sheet that is there is replaced
        commands.explain_picture(str(engine), tmp_path / "a picture.jpg")
    assert cv2.imread("a picture-explained.png").shape[2] == 3
    printed = capsys.readouterr().out
    assert "share %" in printed
    assert "sheet: a picture-explained.png" in printed
    assert "no discriminator" not in printed


def test_explain_says_that_there_is_no_discriminator(
    package: str, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands.explain_picture(package, pictures / "val/images/00.png", out=pictures / "s.png")
    assert "the package brings no discriminator" in capsys.readouterr().out


def test_explain_says_what_it_cannot_do(package: str, pictures: Path) -> None:
    picture = pictures / "val/images/00.png"
    with pytest.raises(
        TrainingError, match=r"no class 'dics'; did you mean 'disc'\? \(known: ground, disc, bar"
    ):
        commands.explain_picture(package, picture, "dics")
    with pytest.raises(TrainingError, match=r"gone\.png: no such picture"):
        commands.explain_picture(package, pictures / "gone.png")
    (pictures / "full").mkdir()
    with pytest.raises(TrainingError, match="full: cannot be written: Is a directory"):
        commands.explain_picture(package, picture, out=pictures / "full")


def test_explain_names_its_extra(package: str, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "streamseg.training.explain.explain", None)
    with pytest.raises(MissingExtraError, match=r"explain needs the 'train' extra"):
        commands.explain_picture(package, pictures / "val/images/00.png")


def test_classes_are_compared_by_name_and_not_by_id(
    recipe_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    measured = {}
    for classes in (("ground", "disc", "bar"), ("bar", "ground", "disc")):
        package = named_package(tmp_path / classes[0], *classes)
        commands.evaluate_package(str(package), recipe_file, precision="f32", json_path=figures)
        measured[classes[0]] = json.loads(figures.read_text())["none"]["iou"]
    assert set(measured["bar"]) == {"ground", "disc", "bar"}
    assert measured["bar"] != measured["ground"], "the same channels mean other classes"

    other = str(named_package(tmp_path / "other", "floor", "disc", "bar"))
    with pytest.raises(TrainingError, match=r"of the package only: floor; of the pictures only: ground\)"):
        commands.evaluate_package(other, recipe_file, json_path=figures)
    wanted = commands.Wanted(class_map=("floor=ground",))
    commands.evaluate_package(other, recipe_file, precision="f32", json_path=figures, wanted=wanted)
    renamed = json.loads(figures.read_text())["none"]["iou"]
    assert list(renamed.values()) == list(measured["ground"].values())
    assert list(renamed) == ["floor", "disc", "bar"]

    all_others = commands.Wanted(class_map=("*=ground", "=disc", "bar="))
    with pytest.raises(TrainingError, match="of the pictures only: bar"):
        commands.evaluate_package(other, recipe_file, wanted=all_others)
    capsys.readouterr()


def test_labels_without_names_are_told_and_ids_beyond_the_package(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = str(named_package(tmp_path / "engines", "ground", "disc"))
    commands.evaluate_package(package, pictures / "val", precision="f32")
    told = " ".join(capsys.readouterr().err.split())
    assert "val does not say what its classes are, so its ids were taken for the package's own" in told
    assert re.search(r"label ids that are no class: 2 \([\d,]+ pixels\), 9 \(48 pixels\) in 3 labels", told)
    (pictures / "val/classes.txt").write_text("ground\ndisc\nbar\n")
    with pytest.raises(TrainingError, match=r"do not fit \(of the pictures only: bar\).*--map PACKAGE=DATA"):
        commands.evaluate_package(package, pictures / "val")
    wanted = commands.Wanted(class_map=("=bar",))
    commands.evaluate_package(package, pictures / "val", precision="f32", wanted=wanted)
    told = " ".join(capsys.readouterr().err.split())
    assert "label ids that are no class: 9 (48 pixels) in 3 labels" in told
    assert "does not say" not in told


def test_further_val_sets_and_the_confusion_are_shown(
    coarse: Path, package: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, figures = tmp_path / "mixed.yaml", tmp_path / "figures.json"
    recipe.write_text(yaml.safe_dump(mixed_document(coarse)))
    wanted = commands.Wanted(confusion=True)
    commands.evaluate_package(package, recipe, precision="f32", json_path=figures, wanted=wanted)
    printed = capsys.readouterr().out
    assert "true class" in printed
    assert "coarse, 4 pictures, single frames" in printed
    written = json.loads(figures.read_text())
    assert list(written["sets"]["coarse"]["iou"]) == ["ground", "thing"]
    rows = written["none"]["taken_for"]
    assert all(sum(row.values()) == pytest.approx(1) for row in rows.values())
