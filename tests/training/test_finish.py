"""The end of a run: figures in the manifest, a card, a report."""

from __future__ import annotations

from pathlib import Path

import torch

from streamseg.inference.manifest import load_manifest
from streamseg.training.export import export
from streamseg.training.finish import finish
from streamseg.training.folders import Folders
from streamseg.training.recipe import Recipe
from streamseg.training.segment import new_segmenter


def test_a_package_is_measured_and_described(recipe: Recipe, tmp_path: Path) -> None:
    torch.manual_seed(0)
    folders = Folders(tmp_path, recipe.name)
    export(recipe, new_segmenter(recipe, pretrained=False), None, folders.package)
    measures = finish(recipe, folders, lambda _: None)
    written = load_manifest(folders.package / "model.yaml").metrics
    assert written["none"]["miou"] == round(measures["none"].miou, 4)
    assert f"{measures['none'].miou:.1%}" in (folders.package / "README.md").read_text()
    assert folders.report.read_text().count("<figcaption>") == len(list(recipe.data.val.images.iterdir()))
