"""Recipes: every shipped one loads, every problem of a wrong one is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from streamseg.errors import ConfigError
from streamseg.training.config.recipe import load_recipe, parse_recipe
from tests.training.conftest import mixed_document, recipe_document

SHIPPED = sorted((Path(__file__).parents[3] / "configs/training").glob("*.yaml"))


def test_some_recipes_ship() -> None:
    assert SHIPPED


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_recipe_loads(path: Path) -> None:
    recipe = load_recipe(path)
    assert len({c.name for c in recipe.classes}) == len(recipe.classes)
    assert all(side % 8 == 0 for side in recipe.size)


def test_environment_is_filled_in(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSEG_DATA", str(pictures))
    shipped = Path(__file__).parents[3] / "configs/training/camvid.yaml"
    assert load_recipe(shipped).data.train[0].images == pictures / "camvid/train"


def test_all_problems_come_at_once(pictures: Path) -> None:
    document = recipe_document(pictures)
    document["segment"]["epochs"] = 0
    document["speed"] = 3
    del document["version"]
    with pytest.raises(ConfigError) as caught:
        parse_recipe(document, "r.yaml")
    text = str(caught.value)
    assert all(key in text for key in ("segment.epochs", "speed", "version"))
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("text", ["a: [1", "\x00"])
def test_broken_yaml_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="cannot read the recipe") as caught:
        load_recipe(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "a: &a [1, 1, 1, 1]\n"
            + "".join(f"b{i}: &b{i} [{'*a, ' if not i else f'*b{i - 1}, ' * 9}]\n" for i in range(9)),
            "values",
        ),
        ("name: a\nseed: !!int x", r"r\.yaml:2: cannot read the recipe: not a valid int"),
        ("name: a\nname: b", r"r\.yaml:2: name: stands in line 1 already"),
    ],
)
def test_a_recipe_is_read_within_bounds(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_recipe(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": "v" * 65}, "version: .*at most 64"),
        ({"classes": [{"name": "n" * 65, "color": [0, 0, 0]}] * 2}, "classes.0.name: .*at most 64"),
        ({"classes": [{"name": "a\nb", "color": [0, 0, 0]}] * 2}, "classes.0.name: .*on one line"),
        ({"classes": [{"name": "🚗" * 64, "color": [0, 0, 0]}] * 254}, "classes: .*bytes together"),
    ],
)
def test_what_no_manifest_can_hold_is_told_before_the_training(
    pictures: Path, change: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_recipe(recipe_document(pictures) | change, "r.yaml")


def test_size_must_suit_the_readout(pictures: Path) -> None:
    document = recipe_document(pictures) | {"size": [62, 48]}
    with pytest.raises(ConfigError, match="multiples of 8"):
        parse_recipe(document, "r.yaml")


@pytest.mark.parametrize(
    ("crop", "said"), [([36, 32], "multiples of 8"), ([64, 96], "crop 64x96 is larger than size 64x48")]
)
def test_crops_suit_the_network(pictures: Path, crop: list[int], said: str) -> None:
    document = recipe_document(pictures)
    document["segment"]["augment"] = {"crop": crop}
    with pytest.raises(ConfigError, match=said):
        parse_recipe(document, "r.yaml")


def test_the_stabiliser_knows_its_sets(coarse: Path) -> None:
    document = mixed_document(coarse)
    document["stabilise"]["sets"] = ["fine", "finest"]
    with pytest.raises(ConfigError, match=r"stabilise\.sets: no such data set: finest \(did you mean 'fine'"):
        parse_recipe(document, "r.yaml")


def test_losses_are_weighted_by_name(pictures: Path) -> None:
    document = recipe_document(pictures)
    assert parse_recipe(document, "r.yaml").segment.losses == {"ce": 1.0}
    document["segment"]["losses"] = {"ohem": 1, "lovasz": 0.5}
    assert parse_recipe(document, "r.yaml").segment.losses == {"ohem": 1.0, "lovasz": 0.5}


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ({"focal": 1.0}, "segment.losses.focal.*'ce', 'ohem', 'mse', 'dice' or 'lovasz'"),
        ({"ce": 0.0}, "segment.losses.ce: .*greater than 0"),
        ({"ce": float("inf")}, "segment.losses.ce: .*finite"),
        ({}, "segment.losses: .*at least 1 item"),
    ],
)
def test_losses_that_cannot_be_are_named(pictures: Path, losses: dict[str, float], said: str) -> None:
    document = recipe_document(pictures)
    document["segment"]["losses"] = losses
    with pytest.raises(ConfigError, match=said):
        parse_recipe(document, "r.yaml")


def test_every_unknown_class_is_named(pictures: Path) -> None:
    document = recipe_document(pictures)
    document["segment"]["paste_classes"] = ["disc", "tram"]
    document["stabilise"]["moving"] = ["bus"]
    with pytest.raises(
        ConfigError, match=r"moving: no such class: bus; .*paste_classes: no such class: tram"
    ):
        parse_recipe(document, "r.yaml")


def test_pasting_needs_classes(pictures: Path) -> None:
    document = recipe_document(pictures)
    document["segment"]["augment"] = {"paste": 0.5}
    with pytest.raises(ConfigError, match=r"segment: .*paste_classes"):
        parse_recipe(document, "r.yaml")


def test_a_split_may_be_one_folder(pictures: Path) -> None:
    document = recipe_document(pictures)
    document["data"]["train"] = str(pictures / "train")
    assert parse_recipe(document, "r.yaml") == parse_recipe(recipe_document(pictures), "r.yaml")


@pytest.mark.parametrize(
    ("remap", "said"),
    [({7: 3, 8: 0, 9: 255}, r"data.remap: 7: 3: classes are 0…2"), ({300: 0}, "data.remap.300")],
)
def test_remapping_leads_to_classes(pictures: Path, remap: dict[int, int], said: str) -> None:
    document = recipe_document(pictures)
    document["data"]["remap"] = remap
    with pytest.raises(ConfigError, match=said):
        parse_recipe(document, "r.yaml")


def test_a_recipe_may_extend_another(pictures: Path, tmp_path: Path) -> None:
    document = recipe_document(pictures)
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(document))
    (tmp_path / "more").mkdir()
    heir = tmp_path / "more/heir.yaml"
    heir.write_text("extends: ../base.yaml\nname: other\nsegment: {epochs: 9}\nsize: [96, 64]\n")
    recipe = load_recipe(heir)
    assert (recipe.name, recipe.size, recipe.segment.epochs) == ("other", (96, 64), 9)
    assert recipe.segment.batch == document["segment"]["batch"]
    assert recipe.data == load_recipe(tmp_path / "base.yaml").data


def test_recipes_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(ConfigError, match=r"a\.yaml: extends: goes round in a circle"):
        load_recipe(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("extends: gone.yaml\n")
    with pytest.raises(ConfigError, match=r"gone\.yaml: cannot read the recipe"):
        load_recipe(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        (["stabilise"], "stabilise goes on from a segmenter: begin with segment, or name a start"),
        (["segment", "segment"], "each at most once"),
        (["adversarial", "segment"], "segment, which begins from nothing, can only be the first"),
        (["segment", "semi"], r"semi learns from data\.unlabelled, and there is none"),
        (["segment", "polish"], "stages.1: must be 'segment', 'adversarial', 'semi' or 'stabilise'"),
    ],
)
def test_stages_in_no_order_are_refused(pictures: Path, stages: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_recipe(recipe_document(pictures) | {"stages": stages}, "r.yaml")


def test_a_single_stage_needs_a_start(pictures: Path) -> None:
    document = recipe_document(pictures) | {"stages": ["adversarial"], "start": "runs/tiny/segment"}
    assert parse_recipe(document, "r.yaml").starts == [Path("runs/tiny/segment")]
    document["start"] = ["runs/tiny/segment", "engines/tiny"]
    assert parse_recipe(document, "r.yaml").starts == [Path("runs/tiny/segment"), Path("engines/tiny")]


def test_every_nth_picture_is_no_clip(pictures: Path) -> None:
    document = recipe_document(pictures)
    document["data"]["val"]["every"] = 7
    with pytest.raises(ConfigError, match=r"data.val_is_clip: of val every 7 pictures one is taken"):
        parse_recipe(document, "r.yaml")
    document["data"]["val_is_clip"] = False
    assert parse_recipe(document, "r.yaml").data.val.every == 7


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_must_be_a_folder(pictures: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="name: it names a folder too"):
        parse_recipe(recipe_document(pictures) | {"name": name}, "r.yaml")


def test_no_two_shipped_recipes_share_a_run() -> None:
    names = {path.stem: load_recipe(path).name for path in SHIPPED}
    assert len(set(names.values())) == len(names), names
