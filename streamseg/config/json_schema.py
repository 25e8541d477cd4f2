"""The configuration as JSON Schema (draft 2020-12), by which editors complete and check what is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streamseg.config.deprecated import ENGINE_KEYS
from streamseg.config.describe import about
from streamseg.config.env import VARIABLE
from streamseg.config.metadata import by_name, secret_of, sections_of
from streamseg.config.places import SUFFIX
from streamseg.config.schema import Config
from streamseg.types import NAME

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_IN_A_TEXT = {"type": "string", "pattern": VARIABLE}
_NOT_SAID = ("title", "description", "default", "examples")


def json_schema() -> dict[str, Any]:
    """The schema of the main file."""
    schema = Config.model_json_schema()
    for model in set(_models(Config)):
        section = schema if model is Config else schema["$defs"][model.__name__]
        section.pop("title")
        _tell(section, model)
    schema["properties"]["engine"] = {
        "$ref": "#/$defs/EngineConfig",
        "description": "the only engine, or the one that streams have unless they name another",
    }
    _add_former_keys(schema["$defs"]["EngineConfig"]["properties"])
    schema["required"].remove("streams")  # they may all be in the folder
    return {"$schema": DIALECT, "title": "streamseg", **schema}


def json_schema_text() -> str:
    """The text of `configs/streamseg.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _add_former_keys(keys: dict[str, Any]) -> None:
    """Let editors accept the former names of keys, and mark them as deprecated."""
    for old, new in ENGINE_KEYS.items():
        kept = {word: value for word, value in keys[new].items() if word not in _NOT_SAID}
        keys[old] = {**kept, "description": f"former name of {new}", "deprecated": True}


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in sections_of(field):
            yield from _models(inner)


def _tell(section: dict[str, Any], model: type[BaseModel]) -> None:
    """Say of every key what it is about, and allow what the loader allows beyond pydantic."""
    keys = section["properties"]
    for name, field in model.model_fields.items():
        keys[name] = (
            _section(keys[name], name, field) if sections_of(field) else _leaf(keys[name], name, field)
        )
        if secret_of(field):
            keys[f"{name}{SUFFIX}"] = {"type": "string", "description": f"a file that holds {name}"}
            _either(section, name)


def _section(key: dict[str, Any], name: str, field: FieldInfo) -> dict[str, Any]:
    kept = {word: value for word, value in key.items() if word not in ("title", "default", "minProperties")}
    names = {"propertyNames": {"pattern": f"^{NAME.pattern}$"}} if by_name(field) else {}
    return {**kept, **names, "description": about(name, field)}


def _leaf(key: dict[str, Any], name: str, field: FieldInfo) -> dict[str, Any]:
    """Where no text may stand, one with a variable may."""
    what = {word: value for word, value in key.items() if word not in _NOT_SAID}
    said = {"description": about(name, field)} | ({"default": key["default"]} if "default" in key else {})
    if what.get("type") == "string" and "enum" not in what:
        return {**what, **said}
    return {"anyOf": [*what.get("anyOf", [what]), _IN_A_TEXT], **said}


def _either(section: dict[str, Any], name: str) -> None:
    """A key that is required may be given by its file instead."""
    if name in section.get("required", []):
        section["required"].remove(name)
        section["anyOf"] = [{"required": [name]}, {"required": [f"{name}{SUFFIX}"]}]
