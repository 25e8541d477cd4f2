"""The end of a run: figures in the manifest, a card, a report."""

from __future__ import annotations

from pathlib import Path

import cv2
import torch

from streamseg.inference.packages.manifest import load_manifest
from streamseg.training.config.recipe import Recipe
from streamseg.training.export.export import export
from streamseg.training.finalize import finish
from streamseg.training.loop.run_dir import RunDirectory
from streamseg.training.networks.checkpoint_networks import Networks, new_segmenter
from streamseg.training.stages.stabilise import new_stabiliser


def test_a_package_is_measured_and_described(recipe: Recipe, tmp_path: Path) -> None:
    torch.manual_seed(0)
    folders = RunDirectory(tmp_path, recipe.name)
    recipe = recipe.model_copy(update={"stages": ["segment", "adversarial", "stabilise"]})
    for stage in ("stabilise", "adversarial", "elsewhere"):
        folders.stage(stage).mkdir(parents=True)
        (folders.stage(stage) / "log.jsonl").write_text('{"step": 1, "loss": 1.0}\n')
    said: list[str] = []
    trained = Networks(new_segmenter(recipe, pretrained=False).eval(), None, new_stabiliser(recipe).eval())
    export(recipe, trained.need_segmenter(), trained.stabiliser, folders.package)
    measures = finish(recipe, folders, trained, said.append)
    assert said[0].startswith("the package says what was trained on ")
    assert said[-1].startswith("warning: hardly ever found on val: "), "it learnt nothing"
    written = load_manifest(folders.package / "model.yaml").metrics
    assert written["none"]["miou"] == round(measures["none"].miou, 4)
    assert f"{measures['none'].miou:.1%}" in (folders.package / "README.md").read_text()
    page = folders.report.read_text()
    assert page.index("Stage adversarial") < page.index("Stage stabilise")
    assert "Stage elsewhere" not in page
    assert "8 to learn from, 3 to measure on, a clip" in page
    assert "Frames 0 to 2 of the clip" in page


def test_pictures_of_another_size_than_the_networks_are_shown_too(recipe: Recipe, tmp_path: Path) -> None:
    for folder in (recipe.data.val.images, recipe.data.val.labels):
        for path in folder.iterdir():
            picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            cv2.imwrite(str(path), cv2.resize(picture, (96, 80), interpolation=cv2.INTER_NEAREST))
    folders = RunDirectory(tmp_path, recipe.name)
    segmenter = new_segmenter(recipe, pretrained=False).eval()
    export(recipe, segmenter, None, folders.package)
    finish(recipe, folders, Networks(segmenter), lambda _: None)
    page = folders.report.read_text()
    assert all(f"<figcaption>{name}: mIoU" in page for name in ("00.png", "01.png", "02.png"))


def test_of_stills_the_report_says_what_was_not_measured(recipe: Recipe, tmp_path: Path) -> None:
    folders = RunDirectory(tmp_path, recipe.name)
    stills = recipe.model_copy(update={"data": recipe.data.model_copy(update={"val_is_clip": False})})
    trained = Networks(new_segmenter(recipe, pretrained=False).eval(), None, new_stabiliser(recipe).eval())
    export(stills, trained.need_segmenter(), trained.stabiliser, folders.package)
    finish(stills, folders, trained, lambda _: None)
    page, card = folders.report.read_text(), (folders.package / "README.md").read_text()
    for text in (page, card):
        assert "Nor was the ConvGRU, which the daemon uses unless told otherwise" in text
    assert "nan" not in card


def test_each_val_set_is_measured_in_its_own_labels(recipe: Recipe, tmp_path: Path) -> None:
    labels = {"label_names": ["ground", "thing"], "label_map": {"thing": ["disc", "bar"]}, "void": [9, 2]}
    main = recipe.data.val.model_copy(update=labels)
    data = recipe.data.model_copy(
        update={"val": main, "val_sets": [recipe.data.val.model_copy(update={"name": "fine"})]}
    )
    folders, mixed = RunDirectory(tmp_path, recipe.name), recipe.model_copy(update={"data": data})
    segmenter = new_segmenter(mixed, pretrained=False).eval()
    export(mixed, segmenter, None, folders.package)
    measures = finish(mixed, folders, Networks(segmenter), lambda _: None)
    assert list(measures["none"].iou) == ["ground", "thing"]
    figures = load_manifest(folders.package / "model.yaml").metrics["none, fine"]
    assert list(figures["iou"]) == ["ground", "disc", "bar"]
    card, page = (folders.package / "README.md").read_text(), folders.report.read_text()
    assert f"- fine: mIoU {figures['miou']:.1%} (IoU in %: ground " in card
    assert "also measured on fine" in page
