"""A configuration with mistakes, made whole: so that one mistake does not hide those of other kinds."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from streamseg.config.metadata import by_name, sections_of
from streamseg.config.normalize import effective
from streamseg.config.schema import ANY_NAME, Config
from streamseg.config.validation_errors import fields_at, place_of
from streamseg.config.yaml_source import Location

PLACEHOLDER = "-"
"""Stands for a text that is wrong or not known."""
_STREAM = "camera"
_ROUNDS = 20  # a mended value may show what is wrong one level up, and there are fewer levels


def salvage(document: dict[str, Any]) -> Config:
    """The configuration that is left of `document` without its mistakes.

    What is wrong gives way to its default, or to a placeholder where it has none; names are kept, whatever
    they are. The caller must not complain of what stands in such a place.

    Args:
        document: Plain values, which are changed.
    """
    try:
        document = effective(document)
    except ValueError:  # too much of it
        return Config.model_validate(_placeholder_of(Config))
    for _ in range(_ROUNDS):
        try:
            return Config.model_validate(document, context=ANY_NAME)
        except ValidationError as error:
            for place in sorted({place_of(entry) for entry in error.errors(include_url=False)}, key=len):
                _mend(document, place)
    return Config.model_validate(_placeholder_of(Config))  # nothing is left of it


def _mend(document: dict[str, Any], place: Location) -> None:
    """Put something valid at `place`, or at the nearest place above it that can hold anything."""
    parent: Any = document
    for depth, part in enumerate(place):
        last = depth == len(place) - 1
        if isinstance(parent, list) and isinstance(part, int):
            if last or not isinstance(parent[part], dict | list):
                parent[part] = PLACEHOLDER
                return
        elif not isinstance(parent, dict):
            return
        elif last or not isinstance(parent.get(part), dict | list):
            _replace(parent, place[: depth + 1])
            return
        parent = parent[part]


def _replace(parent: dict[str, Any], place: Location) -> None:
    name = str(place[-1])
    field = fields_at(place[:-1]).get(name)
    holder = fields_at(place[:-2]).get(str(place[-2])) if len(place) > 1 else None
    if holder is not None and by_name(holder):
        parent[name] = _placeholder_of(sections_of(holder)[0])
    elif field is not None and field.is_required():
        parent[name] = _placeholder(field)
    else:
        parent.pop(name, None)


def _placeholder(field: FieldInfo) -> Any:
    """Something that a required key may hold."""
    sections = sections_of(field)
    if not sections:
        return next(iter(field.examples or []), PLACEHOLDER)
    inner = _placeholder_of(sections[0])
    return {_STREAM: inner} if by_name(field) else inner


def _placeholder_of(model: type[BaseModel]) -> dict[str, Any]:
    return {name: _placeholder(field) for name, field in model.model_fields.items() if field.is_required()}
