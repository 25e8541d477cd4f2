"""Weights between start and end: where they lie, how they are chosen, and that a run goes on with them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from streamseg.errors import ConfigError
from streamseg.models.segmenter import Segmenter
from streamseg.training import checkpoint
from streamseg.training.export import export
from streamseg.training.folders import Folders
from streamseg.training.interpolation import between, read_choice
from streamseg.training.networks import new_classes, new_segmenter
from streamseg.training.processes import new_fabric
from streamseg.training.recipe import Recipe, parse_recipe
from streamseg.training.train import train, train_stages
from tests.training.conftest import recipe_document


def segmenter(recipe: Recipe, seed: int) -> Segmenter:
    torch.manual_seed(seed)
    return new_segmenter(recipe, pretrained=False)


def packaged(recipe: Recipe, folder: Path) -> Path:
    model = segmenter(recipe, 3).train()
    model(torch.randint(0, 255, (4, 3, 48, 64), dtype=torch.uint8))  # statistics that are all alike fold
    export(recipe, model.eval(), None, folder)
    return folder


def going_on(pictures: Path, start: Path, **settings: Any) -> Recipe:
    """A recipe of the segmenter alone that begins with a package."""
    document = recipe_document(pictures)
    document["segment"] |= {"validate_every": 2, **settings}
    return parse_recipe(document | {"start": str(start), "stages": ["segment"]}, "test")


def test_all_weights_lie_on_the_line(recipe: Recipe) -> None:
    start, end = segmenter(recipe, 1), segmenter(recipe, 2)
    before = copy.deepcopy(end.state_dict())
    found = between(start.state_dict(), end, 0.75, [])
    for name, value in found.state_dict().items():
        if value.dtype.is_floating_point:
            expected = 0.25 * start.state_dict()[name] + 0.75 * before[name]
            assert torch.allclose(value, expected, atol=1e-6), name
    assert all(torch.equal(value, before[name]) for name, value in end.state_dict().items())
    assert not found.training


def test_classes_the_start_did_not_know_keep_what_was_learnt(recipe: Recipe) -> None:
    start, end = segmenter(recipe, 1), segmenter(recipe, 2)
    found = between(start.state_dict(), end, 0.5, [1]).state_dict()
    ours, trained, theirs = (
        state["classifier.weight"] for state in (found, end.state_dict(), start.state_dict())
    )
    assert torch.equal(ours[1], trained[1])
    assert torch.allclose(ours[2], (trained[2] + theirs[2]) / 2)
    assert torch.equal(found["classifier.bias"][1], end.state_dict()["classifier.bias"][1])


def test_a_package_tells_which_classes_are_new(recipe: Recipe, pictures: Path, tmp_path: Path) -> None:
    document = recipe_document(pictures)
    document["classes"][2]["name"] = "pole"
    start = packaged(recipe, tmp_path / "package")
    assert new_classes(parse_recipe(document | {"start": str(start)}, "test")) == [2]
    assert new_classes(recipe) == []


def trained(recipe: Recipe, root: Path, said: list[str]) -> Segmenter:
    return train_stages(recipe, Folders(root, recipe.name), new_fabric(), said.append).need_segmenter()


def test_what_comes_of_a_stage_is_a_share_of_its_way(recipe: Recipe, pictures: Path, tmp_path: Path) -> None:
    start, said = packaged(recipe, tmp_path / "package"), list[str]()
    went = going_on(pictures, start, interpolate=0.5)
    found = trained(went, tmp_path / "runs", said)
    folder = Folders(tmp_path / "runs", "tiny").stage("segment")
    ends, _ = checkpoint.load(folder / "checkpoint.safetensors")
    begins, _ = checkpoint.load(folder / "start.safetensors")
    name = "classifier.weight"
    expected = (ends[f"average.{name}"] + begins[f"model.{name}"]) / 2
    assert torch.allclose(found.state_dict()[name], expected, atol=1e-6)
    assert said[-1] == "segment: weights 0.5 of the way from the start"
    end = trained(going_on(pictures, start), tmp_path / "runs", said)
    assert torch.equal(end.state_dict()[name], ends[f"average.{name}"]), "the same run, taken to its end"


def test_auto_takes_what_does_best_on_val_and_keeps_to_it(
    recipe: Recipe, pictures: Path, tmp_path: Path
) -> None:
    start, said = packaged(recipe, tmp_path / "package"), list[str]()
    chosen = going_on(pictures, start, interpolate="auto")
    trained(chosen, tmp_path / "runs", said)
    path = Folders(tmp_path / "runs", "tiny").stage("segment") / "interpolation.json"
    choice = json.loads(path.read_text())
    scores = {float(share): score for share, score in choice["scores"].items()}
    assert set(scores) == {0.5, 0.6, 0.7, 0.8, 0.9, 1.0}
    assert choice["share"] == max(share for share, score in scores.items() if score == max(scores.values()))
    path.write_text(json.dumps({**choice, "share": 0.6}))
    trained(chosen, tmp_path / "runs", said)
    assert said[-1] == "segment: weights 0.6 of the way from the start", "measured once"
    assert read_choice(path.parent) is not None


def test_the_card_says_how_far_it_went(recipe: Recipe, pictures: Path, tmp_path: Path) -> None:
    start = packaged(recipe, tmp_path / "package")
    folders = train(going_on(pictures, start, interpolate="auto"), tmp_path / "runs", lambda _: None)
    card = (folders.package / "README.md").read_text()
    assert (
        "of the way from their start to the end of training (WiSE-FT), which does best on the val sets"
        in card
    )
    assert "of the way from their start" in folders.report.read_text()


def test_without_a_start_there_is_no_way(pictures: Path) -> None:
    document = recipe_document(pictures)
    document["segment"]["interpolate"] = 0.5
    with pytest.raises(ConfigError, match=r"segment\.interpolate: .* there is no start"):
        parse_recipe(document, "test")


@pytest.mark.parametrize("share", [0, 1.5, "best"])
def test_a_share_lies_between_nothing_and_all(pictures: Path, share: object) -> None:
    document = recipe_document(pictures) | {"start": "engines/camvid-lite0"}
    document["segment"]["interpolate"] = share
    with pytest.raises(ConfigError, match=r"segment\.interpolate"):
        parse_recipe(document, "test")
