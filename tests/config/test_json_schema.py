"""The JSON Schema says what the loader says, as far as a schema can."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given

from streamseg.config.json_schema import json_schema, json_schema_text
from streamseg.config.schema import Config
from streamseg.config.yaml_source import read
from tests.config.made import CONFIGS, FEW
from tests.conftest import ROOT

SCHEMA = json_schema()
CHECK = jsonschema.Draft202012Validator(SCHEMA)


def problems(document: object) -> list[str]:
    return [error.json_path for error in CHECK.iter_errors(document)]


@pytest.mark.tree
def test_the_shipped_one_is_up_to_date() -> None:
    shipped = (ROOT / "configs" / "streamseg.schema.json").read_text(encoding="utf-8")
    assert shipped == json_schema_text(), "run: streamseg config schema > configs/streamseg.schema.json"


def test_it_is_a_schema_of_its_draft() -> None:
    CHECK.check_schema(SCHEMA)
    assert json.loads(json_schema_text()) == SCHEMA


@FEW
@given(CONFIGS)
def test_whatever_the_loader_takes_it_takes(config: Config) -> None:
    assert problems(config.model_dump(mode="json")) == []


@pytest.mark.parametrize(
    "text",
    [
        "engine: {model: x}\nstreams: {a: {source: x}}",
        "engine: {package: x}\nstreams: {a: {source: x}}",
        "publish: {bind: 'ipc:///x'}\nstreams: {a: {source: {url_file: /x}}}",
        "defaults: {max_fps: '${FPS}', required: '${REQUIRED:-true}'}",
        "streams: {a: {source: {url: x, password_file: /x}, roi: {w: 0.5}, output: null}}",
    ],
)
def test_short_forms_files_and_variables_are_taken(text: str) -> None:
    assert problems(read(text)[0]) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("enigne: {}", "$"),
        ("engine: {threads: -1}", "$.engine.threads"),
        ("engine: {precision: f8}", "$.engine.precision"),
        ("defaults: {max_fps: fast}", "$.defaults.max_fps"),
        ("streams: {a: {}}", "$.streams.a"),
        ("streams: {a: {source: {loop: true}}}", "$.streams.a.source"),
        ("streams: {a: {source: x, output: {width: 3}}}", "$.streams.a.output"),
        ("streams: {a/b: {source: x}}", "$.streams"),
        ("publish: 3", "$.publish"),
    ],
)
def test_mistakes_are_seen_where_they_are(text: str, place: str) -> None:
    assert problems(yaml.safe_load(text)) == [place]


def test_every_key_is_explained() -> None:
    def keys(value: Any) -> list[Any]:
        if not isinstance(value, dict):
            return []
        own = list(value["properties"].values()) if isinstance(value.get("properties"), dict) else []
        return own + [key for inner in value.values() for key in keys(inner)]

    assert [key for key in keys(SCHEMA) if not key.get("description")] == []


OTHERS = {"classes", "labels", "training"}  # folders of other files
SHIPPED = [path for path in sorted((ROOT / "configs").rglob("*.yaml")) if not OTHERS & set(path.parts)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_configuration_fits(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.parent.name == "streams.d":
        assert problems({"streams": read(text)[0]}) == []
        return
    assert problems(read(text)[0]) == []
    for named in re.findall(r"^# yaml-language-server: \$schema=(.*)$", text, re.MULTILINE):
        assert (path.parent / named).resolve() == ROOT / "configs" / "streamseg.schema.json"
