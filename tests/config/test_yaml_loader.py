"""Any text at all becomes values or one line; never anything else, and never for long."""

from __future__ import annotations

import itertools
import string
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from streamseg.config import yaml_loader
from streamseg.config.yaml_loader import Loader, YamlError
from streamseg.config.yaml_source import read

RATIO = 9
LAUGHS = "".join(
    f"{name}: &{name} [{','.join([f'*{before}' if before else '1'] * RATIO)}]\n"
    for before, name in itertools.pairwise(["", *string.ascii_lowercase[:9]])
)
MERGES = "a: &a {x: 1, y: 2}\n" + "".join(
    f"{name}: &{name} {{<<: [{','.join([f'*{before}'] * RATIO)}]}}\n"
    for before, name in itertools.pairwise(string.ascii_lowercase[:9])
)
CHAIN = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 300))
LONG = f"a: &a {'x' * 8000}\nb: [{','.join(['*a'] * 1000)}]\n"


def refused(text: str) -> tuple[int, str]:
    with pytest.raises(YamlError) as caught:
        read(text)
    assert len(caught.value.what.splitlines()) == 1
    return caught.value.line, caught.value.what


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (LAUGHS, 5, "more than 20000 values; an alias counts as what it stands for"),
        (MERGES, 5, "more than 20000 values"),
        (LAUGHS + "classes: *i\n", 5, "more than 20000 values"),
        ("a: [" + "1," * 20_000 + "]", 1, "more than 20000 values"),
        (LONG, 2, "more than 1048576 characters"),
        (CHAIN, 31, "more than 32 levels"),
        ("[" * 20_000, 1, "more than 32 levels"),
        ("- " * 20_000, 1, "more than 32 levels"),
        ("{a: " * 20_000, 1, "more than 32 levels"),
        ("a: &a {x: *a}\n", 1, "the alias *a contains itself"),
        ("a: &a [1, *a]", 1, "the alias *a contains itself"),
        ("a: *b", 1, "found undefined alias 'b'"),
        ("a: &a 1\nb: &a 2", 2, "an anchor, &name, stands twice"),
        ("a: 1\n---\nb: 2", 2, "write one document"),
        ("x: 1\ny: !!int foo", 2, "not a valid int"),
        ("y: !!float ''", 1, "not a valid float"),
        ("y: !!bool maybe", 1, "not a valid bool"),
        ("y: !!seq {a: 1}", 1, "expected a sequence node"),
        ("y: !!map [a]", 1, "must hold keys of its own"),
        ("y: !!timestamp 2026-01-01", 1, "the tag tag:yaml.org,2002:timestamp is not known here"),
        ("y: !!binary zzz", 1, "is not known here; leave it out"),
        ("y: !!set {a}", 1, "is not known here"),
        ("y: !mine x", 1, "the tag !mine is not known here"),
        ("y: !!python/object/apply:os.system [id]", 1, "is not known here"),
        ("y: " + "9" * 5000, 1, "not a valid int: more than 64 characters"),
        ("y: 0x" + "f" * 5000, 1, "not a valid int: more than 64 characters"),
        ("y: 1" + ":59" * 2000, 1, "not a valid int: more than 64 characters"),
        ("y: 1." + "9" * 5000, 1, "not a valid float: more than 64 characters"),
        ("y: " + "x" * 9000, 1, "a text of more than 8192 characters"),
        ("k" * 200 + ": 1", 1, "a key of more than 128 characters"),
        ("? [a]\n: b\n", 1, "a key must be a word"),
        ("a: 1\nb: \0", 2, "the character U+0000"),
        ("a: \x1b[31m", 1, "the character U+001B"),
        ('a: "\\ud800"', 1, "an escape that stands for half a character"),
        ('a: "\\U99999999"', 1, "an escape that stands for no character"),
        ("a: b: c", 1, "needs quotes"),
        ("\ta: 1", 1, "indent with spaces, not with tabs"),
        ("a: @x", 1, "put the text in quotes"),
        ("<<: 3", 1, "expected a mapping or list of mappings for merging"),
        ("%YAML 3.0\n--- 1", 1, "found incompatible YAML document"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_not_taken_is_told_in_a_line(text: str, line: int, what: str) -> None:
    at, told = refused(text)
    assert what in told
    assert at == line


def test_a_bomb_is_refused_before_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """300 bytes of it stood for 387,420,489 values; it is refused by counting, after the first thousands."""

    def never(*_: object) -> None:
        pytest.fail("it was being built")

    monkeypatch.setattr(Loader, "construct_document", never)
    read_nodes = Loader.compose_node
    composed = 0

    def counted(self: Loader, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        nonlocal composed
        composed += 1
        return read_nodes(self, parent, index)

    monkeypatch.setattr(Loader, "compose_node", counted)
    refused(LAUGHS)
    assert composed < len(LAUGHS)


def test_aliases_and_merge_keys_that_stand_for_little_are_fine() -> None:
    text = "a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: [*a, *b, *b]\n"
    content, _ = read(text)
    assert content["c"] == [{"x": 1}, {"x": 1, "y": 2}, {"x": 1, "y": 2}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-13-45", "2026-13-45"),
        ("2026-01-01", "2026-01-01"),
        ("'2026-01-01'", "2026-01-01"),
        ("=", "="),
        ("<<", "<<"),
        ("no", False),
        ("0x10", 16),
        ("1_000", 1000),
        (".inf", float("inf")),
        ("~", None),
        ("", None),
        ("!!str 1", "1"),
        ('"a\\u00e9"', "aé"),
    ],
)
def test_what_a_value_is_read_as(text: str, value: object) -> None:
    assert read(f"k: {text}")[0] == {"k": value}


def test_keys_are_text() -> None:
    assert read("1: a\non: b\n~: c\n2026-01-01: d\n")[0] == {"1": "a", "on": "b", "~": "c", "2026-01-01": "d"}


PIECES = [
    "a",
    "b: ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    ": ",
    "? ",
    "&a ",
    "*a",
    "<<: ",
    "!!int ",
    "!!set ",
    "!x ",
    "\n",
    "\n  ",
]
PIECES += [
    "'",
    '"',
    "\\u",
    "\\ud800",
    "|",
    ">",
    "#",
    "%YAML 1.1\n",
    "---\n",
    "...\n",
    "\t",
    "1",
    ":59",
    "=",
    "~",
    "\0",
    "é",
    "🚗",
    "@",
]


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join) | st.text(max_size=200))
def test_any_text_becomes_values_or_a_line(text: str) -> None:
    try:
        content, lines = read(text)
    except YamlError as error:
        told = error
    else:
        assert len(lines) <= yaml_loader.MAX_NODES
        yaml.safe_dump(content)
        return
    assert told.what.isprintable()
    assert 0 <= told.line <= text.count("\n") + 2


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text("ab\n é"), st.lists))
def test_what_is_within_the_bounds_is_what_pyyaml_reads(value: object) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    assert read(text)[0] == yaml.safe_load(text) == value
