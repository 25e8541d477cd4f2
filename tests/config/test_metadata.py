"""Marks: every key says what a change of it takes, and every number what it counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streamseg.config.metadata import Reload, reload_of, sections_of, unit_of
from streamseg.config.schema import Config, SourceConfig


def keys(model: type[BaseModel], where: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key at its place, sections too."""
    for name, field in model.model_fields.items():
        yield f"{where}{name}", field
        for section in sections_of(field):
            yield from keys(section, f"{where}{name}.")


KEYS = dict(keys(Config))


def test_every_key_is_described() -> None:
    assert [name for name, field in KEYS.items() if not field.description] == []


def test_every_key_that_holds_a_value_says_what_its_change_takes() -> None:
    values = {name: field for name, field in KEYS.items() if not sections_of(field)}
    assert [name for name, field in values.items() if reload_of(field) is None] == []


def test_every_number_says_what_it_counts_and_nothing_else_does() -> None:
    numbers = {
        name for name, field in KEYS.items() if {int, float} & {field.annotation, *get_args(field.annotation)}
    }
    assert numbers == {name for name, field in KEYS.items() if unit_of(field)}


def test_marks_are_found() -> None:
    field = SourceConfig.model_fields["stall_after_s"]
    assert (reload_of(field), unit_of(field)) == (Reload.STREAM, "s")
    assert (reload_of(Config.model_fields["streams"]), unit_of(Config.model_fields["streams"])) == (None, "")
