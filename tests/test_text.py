"""Text from outside cannot do anything to a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.text import first_unprintable, is_printable, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Straße 道路 🚗 a\xa0b", "Straße 道路 🚗 a\xa0b"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\u202eevil", r"\u202eevil"),
        ("\u2066a\u2069\ufeff\u200d", r"\u2066a\u2069\ufeff\u200d"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_does_not_show_itself_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert (first_unprintable(text) == "") == (text == shown)


def test_some_characters_may_stay() -> None:
    assert printable("a\nb\x1b", keep="\n") == "a\nb\\x1b"


@given(st.text(st.characters()))
def test_nothing_is_left_that_does_more_than_show_itself(text: str) -> None:
    shown = printable(text)
    assert all(map(is_printable, shown))
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    shown.encode()
