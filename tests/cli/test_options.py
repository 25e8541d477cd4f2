"""Options as a configuration."""

from __future__ import annotations

import pytest

from streamseg.cli.options import OptionPlaces, examine_options, option


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (("engine", "model"), "--model"),
        (("engine", "precision"), "--precision"),
        (("publish", "bind", 0), "--bind"),
        (("streams", "a/b"), "--name"),
        (("streams", "main", "source", "url"), "--source"),
        (("streams", "main", "source"), "--source"),
        (("streams", "main", "temporal"), "--temporal"),
    ],
)
def test_a_problem_names_its_option(where: tuple[int | str, ...], said: str) -> None:
    assert str(OptionPlaces().problem(where, "is wrong")) == f"command line: {said}: is wrong"


def test_every_key_has_an_option() -> None:
    assert [option(key) for key in ("model", "url", "streams", "bind")] == [
        "--model",
        "--source",
        "--name",
        "--bind",
    ]


def test_a_name_of_a_file_is_taken_as_it_is() -> None:
    draft = examine_options({"engine": {}, "streams": {"main": {"source": {"url": "${A}.mp4"}}}})
    assert draft.accept().streams["main"].source.url == "${A}.mp4"


def test_the_options_are_left_as_they_are() -> None:
    document = {"engine": {}, "streams": {"main": {"source": {"url": "x"}, "temporal": "lstm"}}}
    assert examine_options(document).problems
    assert document["streams"] == {"main": {"source": {"url": "x"}, "temporal": "lstm"}}
