"""Weights between start and end: where they lie, how they are chosen, and that a run goes on with them."""

from __future__ import annotations

import copy
import errno
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from streamseg.errors import ConfigError, TrainingError
from streamseg.inference.packages.package import open_package
from streamseg.networks.segmenter import Segmenter
from streamseg.training.config.recipe import Recipe, parse_recipe
from streamseg.training.export.export import export
from streamseg.training.loop import checkpoint
from streamseg.training.loop.distributed import new_fabric
from streamseg.training.loop.interruption import TrainingStoppedError
from streamseg.training.loop.run_dir import RunDirectory
from streamseg.training.networks.checkpoint_networks import load_networks, new_classes, new_segmenter
from streamseg.training.networks.interpolation import best_share, between, keep_start, read_choice
from streamseg.training.stages.segment import SegmentStage
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
    return train_stages(recipe, RunDirectory(root, recipe.name), new_fabric(), said.append).need_segmenter()


def test_what_comes_of_a_stage_is_a_share_of_its_way(recipe: Recipe, pictures: Path, tmp_path: Path) -> None:
    start, said = packaged(recipe, tmp_path / "package"), list[str]()
    went = going_on(pictures, start, interpolate=0.5)
    found = trained(went, tmp_path / "runs", said)
    folder = RunDirectory(tmp_path / "runs", "tiny").stage("segment")
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
    path = RunDirectory(tmp_path / "runs", "tiny").stage("segment") / "interpolation.json"
    choice = json.loads(path.read_text())
    scores = {float(share): score for share, score in choice["scores"].items()}
    assert set(scores) == {0.5, 0.6, 0.7, 0.8, 0.9, 1.0}
    assert choice["share"] == best_share(scores)
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


def test_model_yaml_says_how_far_from_its_start_it_went(
    recipe: Recipe, pictures: Path, tmp_path: Path
) -> None:
    start = packaged(recipe, tmp_path / "package")
    short = train(going_on(pictures, start, interpolate=0.5), tmp_path / "runs", lambda _: None)
    (parent,) = open_package(short.package).manifest.lineage or ()
    assert (parent.relation, parent.interpolation) == ("start", 0.5)
    whole = train(going_on(pictures, start), tmp_path / "runs", lambda _: None)
    assert "interpolation" not in (whole.package / "model.yaml").read_text(), "it went to the end"


def test_a_stage_that_begins_anew_goes_on_from_what_it_begins_with_now(
    recipe: Recipe, pictures: Path, tmp_path: Path
) -> None:
    start = packaged(recipe, tmp_path / "package")
    folder = RunDirectory(tmp_path / "runs", "tiny").stage("segment")
    keep_start(segmenter(recipe, 9), folder)  # killed before its first checkpoint, with another start
    (folder / "interpolation.json").write_text('{"step": 8, "interpolate": 0.5, "share": 0.9, "scores": {}}')
    said = list[str]()
    trained(going_on(pictures, start, interpolate=0.5), tmp_path / "runs", said)
    assert said[-1] == "segment: weights 0.5 of the way from the start"
    begins, _ = checkpoint.load(folder / "start.safetensors")
    package = load_networks(going_on(pictures, start), start).need_segmenter().state_dict()
    assert torch.equal(begins["model.classifier.weight"], package["classifier.weight"])
    before = begins["model.classifier.weight"].clone()
    keep_start(segmenter(recipe, 9), folder)
    assert torch.equal(checkpoint.load(folder / "start.safetensors")[0]["model.classifier.weight"], before)


def measured(monkeypatch: pytest.MonkeyPatch, scores: Sequence[float]) -> list[float]:
    """Replaces measurements: that of the training, then one of each share; those given so far."""
    given: list[float] = []

    def validate(*_: object) -> dict[str, float]:
        given.append(scores[len(given)])
        return {"score": given[-1]}

    monkeypatch.setattr(SegmentStage, "validate", validate)
    return given


@pytest.mark.parametrize(
    ("scores", "share"),
    [
        ([0.2, 0.2, 0.2, 0.2, 0.2, 0.2], 1.0),
        ([0.1, 0.5, 0.5, 0.3, 0.2, 0.1], 0.7),
        ([0.642, 0.6454, 0.6470, 0.6469, 0.6433, 0.6378], 0.8),
        ([0.642, 0.6454, 0.6470, 0.6458, 0.6433, 0.6378], 0.7),
        ([float("nan"), 0.1, 0.2, 0.3, float("nan"), float("nan")], 0.8),
    ],
)
def test_of_scores_that_hardly_differ_the_largest_share_counts(
    recipe: Recipe, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    scores: list[float], share: float,
) -> None:  # fmt: skip
    start, said = packaged(recipe, tmp_path / "package"), list[str]()
    given = measured(monkeypatch, [0.0, *scores])
    trained(going_on(pictures, start, interpolate="auto"), tmp_path / "runs", said)
    assert len(given) == 7
    assert said[-1].startswith(f"segment: weights {share:g} of the way from the start (0.5: ")


def test_a_run_stops_between_two_measurements_and_measures_again(
    recipe: Recipe, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    went = going_on(pictures, packaged(recipe, tmp_path / "package"), interpolate="auto")
    calls: list[float] = []

    def validate(*_: object) -> dict[str, float]:
        calls.append(0.5)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return {"score": 0.5}

    monkeypatch.setattr(SegmentStage, "validate", validate)
    with pytest.raises(TrainingStoppedError, match="stopped by SIGINT after step 8 of 8"):
        trained(went, tmp_path / "runs", [])
    assert len(calls) == 3
    assert read_choice(RunDirectory(tmp_path / "runs", "tiny").stage("segment")) is None
    said = list[str]()
    trained(went, tmp_path / "runs", said)
    assert len(calls) == 3 + 6, "nothing is trained again"
    assert said[-1].startswith("segment: weights 1 of the way")


def test_a_full_disk_is_told_in_a_sentence(
    recipe: Recipe, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    went = going_on(pictures, packaged(recipe, tmp_path / "package"), interpolate=0.5)
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name.startswith("interpolation"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(TrainingError, match=r"interpolation\.json: cannot write .*No space left"):
        trained(went, tmp_path / "runs", [])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"share": "all"}'])
def test_a_choice_that_cannot_be_read_is_made_again(tmp_path: Path, text: str) -> None:
    (tmp_path / "interpolation.json").write_text(text)
    assert read_choice(tmp_path) is None


def test_another_share_is_refused_once_a_later_stage_has_learnt_on_the_first(
    recipe: Recipe, pictures: Path, tmp_path: Path
) -> None:
    start = packaged(recipe, tmp_path / "package")
    both = {"stages": ["segment", "stabilise"]}
    half = going_on(pictures, start, interpolate=0.5).model_copy(update=both)
    trained(half, tmp_path / "runs", [])
    most = going_on(pictures, start, interpolate=0.8).model_copy(update=both)
    with pytest.raises(TrainingError, match=r"segment\.interpolate: 0\.8, was 0\.5\n.*--fresh stabilise"):
        trained(most, tmp_path / "runs", [])


def test_without_the_stage_there_is_nothing_to_interpolate(pictures: Path) -> None:
    document = recipe_document(pictures) | {"start": "runs/a/segment", "stages": ["stabilise"]}
    document["segment"]["interpolate"] = 0.5
    with pytest.raises(ConfigError, match=r"segment\.interpolate: .* set it to 1"):
        parse_recipe(document, "test")


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
