"""Recipes: every shipped one loads, every problem of a wrong one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.errors import ConfigError
from streamseg.training.recipe import load_recipe, parse_recipe
from tests.training.conftest import recipe_document

SHIPPED = sorted((Path(__file__).parents[2] / "configs/training").glob("*.yaml"))


def test_some_recipes_ship() -> None:
    assert SHIPPED


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_recipe_loads(path: Path) -> None:
    recipe = load_recipe(path)
    assert len({c.name for c in recipe.classes}) == len(recipe.classes)
    assert all(side % 8 == 0 for side in recipe.size)


def test_environment_is_filled_in(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSEG_DATA", str(pictures))
    shipped = Path(__file__).parents[2] / "configs/training/camvid.yaml"
    assert load_recipe(shipped).data.train.images == pictures / "camvid/train"


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


def test_size_must_suit_the_readout(pictures: Path) -> None:
    document = recipe_document(pictures) | {"size": [62, 48]}
    with pytest.raises(ConfigError, match="multiples of 8"):
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
