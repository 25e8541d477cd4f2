"""Complaints: a sentence a person can act on, and nothing of a secret."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from streamseg.config.schema import Config
from streamseg.config.validation_errors import complaints
from streamseg.errors import MAX_PROBLEMS


def said(document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(document)
    return {".".join(map(str, where)): what for where, what in complaints(caught.value, document)}


def stream(**keys: object) -> dict[str, Any]:
    return {"streams": {"gate": {"source": "x", **keys}}}


@pytest.mark.parametrize(
    ("keys", "key", "what"),
    [
        ({"temporl": "ema"}, "temporl", "is not a known key — did you mean 'temporal'?"),
        ({"ema": 3}, "ema", "must be less than 1 (got 3)"),
        ({"roi": {"x": 2}}, "roi.x", "must be less than 1 (got 2)"),
        ({"roi": {"x": 0.5}}, "roi", "x + w = 1.5 reaches beyond the picture, which ends at 1"),
        ({"output": {"width": 3}}, "output.height", "is required but missing"),
        ({"output": 3}, "output", "must hold keys of its own (got 3)"),
    ],
)
def test_a_mistake_in_a_stream(keys: dict[str, object], key: str, what: str) -> None:
    assert said(stream(**keys)) == {f"streams.gate.{key}": what}


@pytest.mark.parametrize(
    ("source", "key", "what"),
    [
        ({"url": ["secret"]}, "url", "must be text (got a list)"),
        ({"url": {"a": "secret"}}, "url", "must be text (got keys)"),
        ({"url": "x", "password": 1234}, "password", "must be text"),
        ({"url": "x", "url_fil": 3}, "url_fil", "is not a known key — did you mean 'url_file'?"),
        (
            {"url": "x", "max_fps": 3},
            "max_fps",
            "is not a known key — it stands beside source now, not below it",
        ),
    ],
)
def test_a_mistake_in_a_source(source: dict[str, object], key: str, what: str) -> None:
    assert said(stream(source=source)) == {f"streams.gate.source.{key}": what}


def test_a_stream_may_be_called_like_a_section() -> None:
    """The hints for its keys are those of a stream."""
    document = {"streams": {"source": {"source": "x", "temporl": "ema"}}}
    assert said(document) == {"streams.source.temporl": "is not a known key — did you mean 'temporal'?"}


def test_each_name_that_does_not_fit_is_told_beside_other_mistakes() -> None:
    document = {"streams": {"a/b": {"source": "x"}, "c d": {"source": "x", "roi": {"x": 0.5}}}}
    assert said(document) == {
        "streams.a/b": "names are 1 to 64 of A-Z a-z 0-9 _ . -, not 'a/b'",
        "streams.c d": "names are 1 to 64 of A-Z a-z 0-9 _ . -, not 'c d'",
        "streams.c d.roi": "x + w = 1.5 reaches beyond the picture, which ends at 1",
    }


def test_an_engine_is_called_as_the_user_did() -> None:
    assert said({"engine": {"threads": -1}, **stream()}) == {
        "engine.threads": "must be greater than or equal to 0 (got -1)"
    }
    assert list(said({"engines": {"a": {"threads": -1}}, **stream()})) == ["engines.a.threads"]
    assert "keep one of the two" in said({"engine": {}, "engines": {"default": {}}, **stream()})["engine"]


def test_nobody_is_told_thousands_of_them() -> None:
    document = {f"k{i}": 1 for i in range(5000)} | stream()
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(document)
    assert len(complaints(caught.value, document)) == MAX_PROBLEMS
