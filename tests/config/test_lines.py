"""YAML as values and lines: what is in the text, where, and what YAML readers let pass."""

from __future__ import annotations

import pytest
import yaml

from streamseg.config.lines import read

TEXT = """\
streams:
  on: &camera
    source:
      url: a.mp4
  1: {<<: *camera, ema: 0.5}
publish:
  bind:
    - ipc:///a
    - ipc:///b
"""


def test_keys_are_text_as_written_and_merges_hold() -> None:
    content, _ = read(TEXT)
    assert content["streams"] == {
        "on": {"source": {"url": "a.mp4"}},
        "1": {"source": {"url": "a.mp4"}, "ema": 0.5},
    }


def test_every_key_and_item_has_its_line() -> None:
    _, lines = read(TEXT)
    assert lines.of(("streams", "on", "source", "url")) == 4
    assert lines.of(("streams", "1")) == 5
    assert lines.of(("publish", "bind", 1)) == 9


def test_what_is_not_in_the_text_has_the_line_above_it() -> None:
    _, lines = read(TEXT)
    assert lines.of(("streams", "on", "temporal")) == 2
    assert lines.of(("engine",)) == 1


def test_a_key_that_stands_twice_is_told_but_not_what_is_below_it() -> None:
    _, lines = read("a: {x: 1}\nb: 2\na: {x: 3}\n")
    assert lines.twins == [(("a",), "stands in line 1 already")]


def test_what_stands_in_the_text_is_known() -> None:
    _, lines = read(TEXT)
    assert lines.has(("streams", "on", "source"))
    assert not lines.has(("streams", "on", "ema"))


def test_a_date_is_a_word() -> None:
    assert read("clip: 2020-99-01")[0] == {"clip": "2020-99-01"}


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [*x]",
        "a: &x {b: *x}",
        "[" * 5000 + "]" * 5000,
        "a: !!int x",
        "a: !!int ''",
        "a: !!bool maybe",
        "a: !!timestamp x",
        "a: !!float x",
        "? [a]\n: 1",
        "a: !!python/object:os.system {}",
    ],
    ids=lambda text: text[:30],
)
def test_what_cannot_be_read_is_a_yaml_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        read(text)
