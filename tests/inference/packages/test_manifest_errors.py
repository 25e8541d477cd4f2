"""What pydantic says of a manifest, as lines for whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamseg.config.yaml_source import read
from streamseg.inference.packages.manifest_errors import (
    MAX_PROBLEMS,
    described,
    key_hint,
    told,
    validation_problems,
)


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(default="", max_length=3)
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()


def error_of(document: object) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(document)
    return caught.value


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ({"nam": ""}, "nam: is not a known key; did you mean 'name'?"),
        ({"inner": {"widht": 1}}, "inner.widht: is not a known key; did you mean 'width'?"),
        ({"many": [{"x": 1}]}, "many.0.x: is not a known key; known: width"),
        ({"name": 3}, "name: must be text; put it in quotes (got 3)"),
        ({"name": None}, "name: must be text; put it in quotes (got nothing)"),
        ({"name": "long"}, "name: must have at most 3 characters (got 'long')"),
        ({"many": 3}, "many: must be a list (got 3)"),
        ({"inner": ["x"]}, "inner: must hold keys of its own (got a list)"),
        ({"inner": {"width": {"a": 1}}}, "inner.width: must be a valid integer (got keys)"),
        ({"name": "\x1b[31m" * 30}, r"name: must have at most 3 characters (got '\x1b[31m"),
    ],
)
def test_a_problem_is_a_line(document: object, line: str) -> None:
    assert described(error_of(document), Outer).startswith(line)


def test_the_lines_of_the_file_and_no_more_than_so_many() -> None:
    text = "name: x\n" + "".join(f"k{i}: 1\n" for i in range(MAX_PROBLEMS + 2)) + '"\\e": 1\n'
    document, lines = read(text)
    found = told(Path("m.yaml"), lines, validation_problems(error_of(document), Outer)).splitlines()
    assert found[0] == "m.yaml:2: k0: is not a known key; known: name, inner, many"
    assert found[-1] == "m.yaml: and 3 more problems"
    assert len(found) == MAX_PROBLEMS + 1


def test_a_hint_is_the_nearest_key_or_all_of_them() -> None:
    assert key_hint(("inner", "widht"), Outer) == "; did you mean 'width'?"
    assert key_hint(("xyz",), Outer) == "; known: name, inner, many"
