"""What is left of a configuration with mistakes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.config.repair import salvage
from streamseg.config.schema import Config
from tests.config.made import CONFIGS, FEW

KEYS = sorted(
    {*Config.model_fields, "engine", "source", "url", "roi", "x", "bind", "default", "output", "ema"}
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats() | st.sampled_from(["", "x", "rtsp://h/x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("document", "kept"),
    [
        ({}, {}),
        ({"streams": {}}, {}),
        ({"streams": {"gate": 3}}, {}),
        ({"streams": {"gate": {"source": "x", "ema": 3, "engine": "day"}}}, {"engine": "day", "ema": 0.5}),
        ({"streams": {"gate": {"source": ["x"], "engine": "day"}}}, {"engine": "day"}),
        ({"streams": {"gate": {"source": "x", "roi": {"x": 0.5}, "ema": 0.1}}}, {"roi": None, "ema": 0.1}),
        ({"streams": {"gate": {"source": "x", "output": {"width": 3}}}}, {}),
        ({"streams": {"gate": {"source": "x", "sorce": 1}}}, {}),
    ],
)
def test_what_is_sound_of_a_stream_is_kept(document: dict[str, Any], kept: dict[str, Any]) -> None:
    name = "gate" if document.get("streams") else "camera"
    streams = salvage(document).streams
    assert list(streams) == [name]
    for key, value in kept.items():
        assert getattr(streams["gate"], key) == value


def test_names_are_kept() -> None:
    config = salvage({"streams": {"a/b": {"source": "x"}}, "engines": {"c d": 3, "default": {"threads": -1}}})
    assert list(config.streams) == ["a/b"]
    assert list(config.engines) == ["c d", "default"]


def test_the_places_in_a_list_are_kept() -> None:
    config = salvage({"publish": {"bind": ["a", 3, "c"]}, "streams": {"gate": {"source": "x"}}})
    assert config.publish.bind == ["a", "-", "c"]


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
def test_something_is_left_of_anything(document: dict[str, Any]) -> None:
    assert salvage(document).streams


@FEW
@given(CONFIGS, st.data())
def test_one_mistake_leaves_the_rest(config: Config, data: st.DataObject) -> None:
    document = config.model_dump(mode="json")
    del document["defaults"]
    name = data.draw(st.sampled_from(sorted(document["streams"])))
    document["streams"][name]["stall_after_s"] = 3
    left = salvage(document)
    assert left.streams == config.streams
    assert left.engines == config.engines
