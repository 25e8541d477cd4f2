"""YAML as values and lines: what is in the text, where, and what YAML readers let pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamseg.config.yaml_loader import MAX_BYTES, YamlError
from streamseg.config.yaml_source import read, read_text
from streamseg.errors import MAX_PROBLEMS

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


def test_there_are_as_many_as_keys_and_items() -> None:
    assert len(read("a: {x: 1}\nb: [1, 2]\n")[1]) == 5


def test_a_merge_key_is_a_key_where_it_stands() -> None:
    _, lines = read(TEXT)
    assert lines.has(("streams", "1", "<<"))
    assert not lines.twins


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"x" * (MAX_BYTES + 1), "cannot be read: it is larger than 512 KB"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_holds_no_text(tmp_path: Path, content: bytes | None, what: str) -> None:
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(YamlError) as caught:
        read_text(path)
    assert (caught.value.what, caught.value.line) == (what, 0)


def test_a_fifo_holds_no_text_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(YamlError, match="it is a FIFO, not a regular file"):
        read_text(tmp_path / "a.yaml")


def test_of_very_many_keys_that_stand_twice_the_first_are_told() -> None:
    text = "".join(f"k{i}: {{a: 1, a: 2}}\n" for i in range(1000))
    assert len(read(text)[1].twins) == MAX_PROBLEMS
