"""Training on a GPU. Skipped where PyTorch finds none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from streamseg.inference.packages.package import open_package
from streamseg.training.config.recipe import parse_recipe
from streamseg.training.export.export import export
from streamseg.training.loop.distributed import described, new_fabric
from streamseg.training.loop.run_dir import RunDirectory
from streamseg.training.loop.step_log import read_log
from streamseg.training.train import train_stages
from tests.training.conftest import recipe_document

STAGES = ["segment", "adversarial", "semi", "stabilise"]

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use"),
]


def test_all_stages_train_on_it_and_what_they_made_is_exported(pictures: Path, tmp_path: Path) -> None:
    document = recipe_document(pictures) | {"stages": STAGES, "seed": 4}
    document["data"]["unlabelled"] = [str(pictures / "val/images")]
    document["stabilise"]["critic"] = {}
    recipe, folders, fabric = parse_recipe(document, "test"), RunDirectory(tmp_path, "tiny"), new_fabric()
    assert described(fabric).startswith("cuda")
    networks = train_stages(recipe, folders, fabric, print)
    for stage in STAGES:
        assert [entry for entry in read_log(folders.stage(stage)) if "validation" in entry], stage
    segmenter = networks.need_segmenter()
    assert {p.device.type for p in segmenter.parameters()} == {"cpu"}
    export(recipe, segmenter, networks.stabiliser, folders.package, networks.critic)
    assert len(open_package(str(folders.package)).graphs) == 4


def test_a_run_goes_on_from_its_checkpoint(pictures: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(recipe_document(pictures) | {"stages": ["segment"]}, "test")
    folders = RunDirectory(tmp_path, "tiny")
    first = train_stages(recipe, folders, new_fabric(), print).need_segmenter()
    again = train_stages(recipe, folders, new_fabric(), print).need_segmenter()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
