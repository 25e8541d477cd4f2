"""Whether a stage may go on with today's recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import pytest

from streamseg.errors import TrainingError
from streamseg.inference.packages.lineage import Parent
from streamseg.training.config.recipe import Recipe, parse_recipe
from streamseg.training.config.stage_config import StageName
from streamseg.training.export.lineage import Origin
from streamseg.training.loop.resume import check_stages, write_record
from streamseg.training.loop.run_dir import RunDirectory
from tests.training.conftest import draw, recipe_document

NOTHING = Origin((), "CC0-1.0")


def began(recipe: Recipe, root: Path, *stages: StageName, origin: Origin = NOTHING) -> RunDirectory:
    """The folders of a run whose stages have a checkpoint."""
    folders = RunDirectory(root, "tiny")
    for stage in stages or recipe.stages:
        write_record(recipe, folders.stage(stage), stage, origin)
        (folders.stage(stage) / "checkpoint.safetensors").write_bytes(b"")
    return folders


def changed(pictures: Path, **changes: Any) -> Recipe:
    document = recipe_document(pictures)
    for key, change in changes.items():
        document[key] = {**document.get(key, {}), **change} if isinstance(change, dict) else change
    return parse_recipe(document, "test")


def refused(recipe: Recipe, folders: RunDirectory, origin: Origin = NOTHING) -> list[str]:
    """The lines with keys that stand in the way."""
    with pytest.raises(TrainingError) as caught:
        check_stages(recipe, folders, origin)
    return [line.strip() for line in str(caught.value).splitlines() if line.startswith("  ")]


def test_texts_colours_and_moved_folders_are_no_other_settings(
    recipe: Recipe, pictures: Path, tmp_path: Path
) -> None:
    folders = began(recipe, tmp_path / "runs")
    (pictures / "train").rename(pictures / "moved")
    document = recipe_document(pictures)
    document["data"] |= {
        "train": str(pictures / "moved"), "statement": "said better", "license": "CC-BY-4.0",
        "val": str(pictures / "moved"), "val_is_clip": False,
    }  # fmt: skip
    document["classes"][0]["color"] = [1, 2, 3]
    document |= {"card": {"limits": "Many."}, "name": "tiny", "version": "2", "checkpoint_every_s": 5}
    document["segment"]["validate_every"] = 2
    assert check_stages(parse_recipe(document, "test"), folders, NOTHING) == []


@pytest.mark.parametrize(
    ("key", "change", "said"),
    [
        ("segment", {"lr_decoder": 0.5}, ["segment.lr_decoder: 0.5, was 0.002"]),
        ("segment", {"augment": {"paste": 0.1}, "paste_classes": ["bar"]},
         ["segment.augment.paste: 0.1, was 0.0", 'segment.paste_classes: ["bar"], was []']),
        ("seed", 4, ["seed: 4, was 0"]),
        ("size", [96, 64], ["size: [96, 64], was [64, 48]"]),
        ("data", {"void": [9, 8]}, ["data.void: [9, 8], was [9]"]),
        ("data", {"remap": {0: 0, 1: 1, 2: 2}}, ['data.remap: {"0": 0, "1": 1, "2": 2}, was {}']),
    ],
)  # fmt: skip
def test_what_matters_is_named_by_key(
    recipe: Recipe, pictures: Path, tmp_path: Path, key: str, change: Any, said: list[str]
) -> None:
    assert refused(changed(pictures, **{key: change}), began(recipe, tmp_path / "runs")) == said


def test_other_classes_are_refused(recipe: Recipe, pictures: Path, tmp_path: Path) -> None:
    document = recipe_document(pictures)
    document["classes"][2]["name"] = "pole"
    (line,) = refused(parse_recipe(document, "test"), began(recipe, tmp_path / "runs"))
    assert line == 'classes: ["ground", "disc", "pole"], was ["ground", "disc", "bar"]'


def test_a_longer_schedule_goes_on_but_not_under_a_stage_that_went_on_from_it(
    recipe: Recipe, pictures: Path, tmp_path: Path
) -> None:
    longer = changed(pictures, segment={"epochs": 9})
    assert check_stages(longer, began(recipe, tmp_path / "a", "segment"), NOTHING) == []
    both = began(recipe, tmp_path / "b")
    assert refused(longer, both) == ["segment.epochs: 9, was 2"]
    with pytest.raises(TrainingError, match=r"tiny/stabilise was begun .*\n.*\n.*--fresh stabilise"):
        check_stages(longer, both, NOTHING)
    more = changed(pictures, stabilise={"steps": 9})
    assert check_stages(more, both, NOTHING) == []


def test_more_pictures_are_said_and_refused_only_after_the_first_stage(
    recipe: Recipe, pictures: Path, tmp_path: Path
) -> None:
    first, both = began(recipe, tmp_path / "a", "segment"), began(recipe, tmp_path / "b")
    image, label = draw(5)
    cv2.imwrite(str(pictures / "train/images/99.png"), image)
    cv2.imwrite(str(pictures / "train/labels/99.png"), label)
    (line,) = check_stages(recipe, first, NOTHING)
    assert line.startswith("segment: data.train: 9 pictures, 8 when it began")
    assert refused(recipe, both) == ["data.train: 9 pictures, 8 when it began"]


def test_a_stage_without_a_checkpoint_may_begin_with_anything(
    recipe: Recipe, pictures: Path, tmp_path: Path
) -> None:
    folders = began(recipe, tmp_path / "runs")
    for stage in recipe.stages:
        (folders.stage(stage) / "checkpoint.safetensors").unlink()
    assert check_stages(changed(pictures, seed=5), folders, NOTHING) == []


def test_a_start_is_known_by_its_hash(recipe: Recipe, tmp_path: Path) -> None:
    def origin(letter: str, name: str = "a") -> Origin:
        digest = letter * 64
        parent = Parent(relation="start", name=name, version="1", license="MIT", sha256=digest)
        return Origin([parent], "MIT")

    here = recipe.model_copy(update={"start": Path("here")})
    there = recipe.model_copy(update={"start": Path("there")})
    folders = began(here, tmp_path / "runs", origin=origin("a"))
    assert check_stages(there, folders, origin("a", "renamed")) == []
    assert refused(here, folders, origin("b")) == ['start (sha256): ["bbbbbbbbbbbb"], was ["aaaaaaaaaaaa"]']


def test_a_run_of_an_older_version_goes_on(recipe: Recipe, pictures: Path, tmp_path: Path) -> None:
    other = changed(pictures, segment={"encoder": "lite0"})
    folders = began(other, tmp_path / "runs", "segment")
    path = folders.stage("segment") / "recipe.json"
    older = json.loads(path.read_text())
    for key in ("stages", "start", "lineage", "license", "pictures", "name", "version"):
        del older[key]
    del older["segment"]["architecture"], older["segment"]["encoder"], older["data"]["remap"]
    path.write_text(json.dumps(older))
    assert check_stages(other, folders, NOTHING) == []
    assert refused(recipe, folders) == ['segment.encoder: "vgg", was "lite0"']


def test_a_setting_that_is_no_more_counts_as_changed(recipe: Recipe, tmp_path: Path) -> None:
    folders = began(recipe, tmp_path / "runs", "segment")
    path = folders.stage("segment") / "recipe.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "given_up": 1}))
    assert refused(recipe, folders) == ["given_up: nothing, was 1"]


def test_a_stage_depends_on_what_came_before_it_alone(recipe: Recipe, tmp_path: Path) -> None:
    judged = recipe.model_copy(update={"stages": ["segment", "adversarial", "stabilise"]})
    folders = began(recipe, tmp_path / "runs")
    lines = refused(judged, folders)
    assert 'stages: ["segment", "adversarial", "stabilise"], was ["segment", "stabilise"]' in lines
    (folders.stage("stabilise") / "checkpoint.safetensors").unlink()
    assert check_stages(judged, folders, NOTHING) == []


def test_a_record_that_is_broken_is_one_line(recipe: Recipe, tmp_path: Path) -> None:
    folders = began(recipe, tmp_path / "runs", "segment")
    (folders.stage("segment") / "recipe.json").write_text("{")
    with pytest.raises(TrainingError, match=r"recipe.json: cannot be read .*--fresh segment"):
        check_stages(recipe, folders, NOTHING)


def test_what_a_set_says_of_its_labels_matters(pictures: Path, tmp_path: Path) -> None:
    def mixed(**second: Any) -> Recipe:
        document = recipe_document(pictures)
        first = document["data"]["train"]
        document["data"]["train"] = [{**first, "name": "one"}, {**first, "name": "two", **second}]
        return parse_recipe(document, "test")

    folders = began(mixed(), tmp_path / "runs")
    assert check_stages(mixed(), folders, NOTHING) == []
    assert refused(mixed(weight=3), folders) == ["data.train.two.weight: 3, was 1"]
    mapped = mixed(label_map={"bar": ["bar", "disc"]}, void=[])
    assert refused(mapped, folders) == [
        'data.train.two.label_map: {"bar": ["bar", "disc"]}, was {}',
        "data.train.two.void: [], was nothing",
    ]


def test_a_run_of_a_version_with_one_set_goes_on(recipe: Recipe, tmp_path: Path) -> None:
    folders = began(recipe, tmp_path / "runs")
    for stage in recipe.stages:
        path = folders.stage(stage) / "recipe.json"
        before = json.loads(path.read_text())
        train = before["data"]["train"][0]
        before["data"]["train"] = {key: train[key] for key in ("images", "labels", "exclude", "every")}
        path.write_text(json.dumps(before))
    assert check_stages(recipe, folders, NOTHING) == []
