"""Former keys of the configuration: still read, with one warning, and refused beside the present ones."""

from __future__ import annotations

import pytest

from streamseg.config.deprecated import REMOVED_IN, renamed
from streamseg.config.parsed_config import Draft, ReadOptions, examine
from streamseg.config.render import shown
from streamseg.config.sources import read_text
from streamseg.errors import ConfigError

STREAMS = "streams: {gate: {source: x}}\n"
NOTICE = f"package is now called model; the old name will be removed in streamseg {REMOVED_IN}"


def draft(text: str) -> Draft:
    return examine(read_text(text + STREAMS, "c.yaml"), ReadOptions({"NAME": "mine"}))


def test_a_notice_names_both_and_when_the_old_one_goes() -> None:
    assert renamed("package", "model") == NOTICE


@pytest.mark.parametrize(
    "text",
    [
        "engine: {package: mine, threads: 2}\n",
        "engine: {package: '${NAME}', threads: 2}\n",
        "engines: {default: {package: mine, threads: 2}}\n",
    ],
)
def test_the_former_key_means_the_same(text: str) -> None:
    former, present = draft(text), draft(text.replace("package", "model"))
    assert former.accept() == present.accept()
    assert shown(former.config) == shown(present.config)
    (warning,) = former.warnings
    where = "engine" if text.startswith("engine:") else "engines.default"
    assert str(warning) == f"c.yaml:1: {where}.package: {NOTICE}"
    assert not present.warnings


def test_several_are_one_warning() -> None:
    found = draft("engine: {package: a}\nengines:\n  b: {package: b}\n  c: {model: c}\n")
    assert {name: engine.model for name, engine in found.accept().engines.items()} == {
        "default": "a",
        "b": "b",
        "c": "c",
    }
    (warning,) = found.warnings
    assert str(warning) == f"c.yaml:1: engine.package: {NOTICE} (and in 1 more)"


@pytest.mark.parametrize("section", ["engine", "engines.day"])
def test_both_keys_are_a_mistake(section: str) -> None:
    keys = "{model: a, package: b}"
    text = f"engine: {keys}\n" if section == "engine" else f"engines:\n  day: {keys}\n"
    with pytest.raises(ConfigError) as caught:
        draft(text).accept()
    (problem,) = caught.value.problems
    assert f"{section}.package: is not a known key beside model — keep one of the two" in problem


def test_a_mistake_is_told_by_the_key_that_was_written() -> None:
    found = draft("engine:\n  package: [1]\n")
    assert [str(problem) for problem in found.problems] == [
        "c.yaml:2: engine.package: must be text (got a list)"
    ]


def test_what_another_check_finds_is_told_by_the_key_that_was_written() -> None:
    found = draft("engines:\n  day:\n    package: nowhere\n")
    found.add(("engines", "day", "model"), "is not there")
    assert [str(problem) for problem in found.problems] == ["c.yaml:3: engines.day.package: is not there"]
