"""What is wrong with a recipe is told as for configurations: file, line, key and a hint."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from streamseg.errors import ConfigError
from streamseg.training.config.recipe import load_recipe
from tests.training.conftest import recipe_document


def wrong(path: Path, *changes: tuple[str, str]) -> list[str]:
    """The problems of a recipe, its text changed."""
    text = path.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_recipe(path)
    return caught.value.problems


@pytest.fixture
def path(pictures: Path) -> Path:
    (pictures / "r.yaml").write_text(yaml.safe_dump(recipe_document(pictures), sort_keys=False))
    return pictures / "r.yaml"


def line_of(path: Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def test_every_problem_has_its_line_and_a_hint(path: Path) -> None:
    found = wrong(
        path, ("epochs: 2", "epochs: 0"), ("encoder: vgg", "encoder: lite3"), ("width: 16", "widht: 16"),
        ("  license: CC0-1.0\n", ""), ("version: '0.1'", "version: 0.1"),
    )  # fmt: skip
    encoders = "'lite0', 'lite1', 'lite2' or 'vgg' (got 'lite3')"
    assert sorted(found) == sorted([
        f"{path}:{line_of(path, 'epochs: 0')}: segment.epochs: must be greater than or equal to 1 (got 0)",
        f"{path}:{line_of(path, 'lite3')}: segment.encoder: must be {encoders}; did you mean 'lite2'?",
        f"{path}:{line_of(path, 'widht')}: segment.widht: is not a known key; did you mean 'width'?",
        f"{path}:{line_of(path, 'data:')}: data.license: is required but missing",
        f"{path}:{line_of(path, 'version')}: version: must be text: put it in quotes, '0.1'",
    ])  # fmt: skip


def test_what_contradicts_has_the_line_of_its_key(path: Path) -> None:
    (line,) = wrong(path, ("statement:", "remap: {7: 9}\n  statement:"))
    assert line == f"{path}:{line_of(path, 'remap')}: data.remap: 7: 9: classes are 0…2, and 255 is 'ignore'"


def test_a_problem_is_in_the_file_that_says_it(path: Path, tmp_path: Path) -> None:
    heir = tmp_path / "heir.yaml"
    heir.write_text("extends: r.yaml\nname: other\nstabilise:\n  steps: none\n")
    found = wrong(heir, ("name: other", "name: other\nqueue: 3"))
    assert f"{heir}:5: stabilise.steps: must be a valid integer, unable to parse string" in found[0]
    assert found[1].startswith(f"{heir}:3: queue: is not a known key; known: name, version, seed")
    path.write_text(path.read_text().replace("batch: 2", "batch: many"))
    assert any(line.startswith(f"{path}:{line_of(path, 'batch')}: segment.batch: ") for line in wrong(heir))


def test_a_key_that_stands_twice_and_a_variable_that_is_not_set(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    (twice,) = wrong(path, ("name: tiny\n", "name: tiny\nname: b\n"))
    assert twice == f"{path}:2: name: stands in line 1 already"
    (unset,) = wrong(path, ("name: b\n", ""), ("drawn by a test", "${NOWHERE} ${NOWHERE:-drawn}"))
    line = line_of(path, "NOWHERE")
    assert unset == (
        f"{path}:{line}: data.statement: ${{NOWHERE}} is not set in the environment; "
        "give it, or write a default"
    )


def test_yaml_that_is_none_has_its_line(path: Path) -> None:
    path.write_text("name: tiny\nsize: [64\n")
    with pytest.raises(ConfigError, match=rf"{path}:3: cannot read the recipe: not valid YAML: "):
        load_recipe(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot read the recipe: is not UTF-8 text"):
        load_recipe(path)
    with pytest.raises(ConfigError, match=r"gone\.yaml: cannot read the recipe: No such file or directory"):
        load_recipe(path.with_name("gone.yaml"))


@pytest.mark.parametrize("text", ["", "a list\n", "- 1\n"])
def test_what_holds_no_keys_is_one_line(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_recipe(path)
    (line,) = caught.value.problems
    assert line.startswith(f"{path}: must hold keys of its own")
