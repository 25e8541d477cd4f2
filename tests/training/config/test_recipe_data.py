"""What contradicts itself in a recipe's data sets is refused, with file, line and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamseg.errors import ConfigError
from streamseg.training.config.recipe import Recipe, parse_recipe
from tests.training.conftest import mixed_document, recipe_document


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (
            {"label_map": {"thing": ["disk"]}},
            r"label_map: thing: no such class: disk \(did you mean 'disc'\?\)",
        ),
        ({"label_map": {"thing": ["disc", "disc"]}}, r"label_map: thing: names a class twice"),
        ({"label_map": {"thin": ["disc"]}}, r"label_map: no such label: thin \(did you mean 'thing'\?\)"),
        ({"label_names": ["thing", "thing"]}, r"label_names: thing is there more than once"),
        ({"void": [1]}, r"void: thing \(1\) is in label_names too"),
        ({"remap": {0: 0}}, r"remap: says of the same ids what label_map or label_names says"),
        ({"remap": {0: 7}}, r"remap: 0: 7: classes are 0…2"),
        ({"remap": {9: 1}, "void": [9]}, r"remap: 9: 1: void says that these ids are ignored"),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_key(
    coarse: Path, second: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"test: data\.train\.1\.{said}"):
        parse_recipe(mixed_document(coarse, **second), "test")


def test_all_contradictions_come_at_once(coarse: Path) -> None:
    raw = mixed_document(coarse, label_map={"thing": ["disk"], "no": ["disc"]}, void=[0])
    raw["data"]["remap"] = {9: 1}
    with pytest.raises(ConfigError) as caught:
        parse_recipe(raw, "test")
    assert len(caught.value.problems) == 4


def test_sets_need_names_that_differ(coarse: Path) -> None:
    for name in ("", "fine"):
        with pytest.raises(
            ConfigError, match=r"each set needs a name|two sets have the same name: fine, fine"
        ):
            parse_recipe(mixed_document(coarse, name=name), "test")


def test_one_set_is_a_list_of_one_and_one_class_too(pictures: Path) -> None:
    raw = recipe_document(pictures)
    raw["data"]["train"] |= {"label_map": {"disc": "bar"}}
    (one,) = parse_recipe(raw, "test").data.train
    assert (one.name, one.weight, one.label_map) == ("", 1, {"disc": ["bar"]})


def test_a_recipe_knows_its_sets_by_key(mixed: Recipe) -> None:
    assert [key for key, _ in mixed.data.keyed()] == [
        "data.train.0",
        "data.train.1",
        "data.val",
        "data.val_sets.0",
    ]
