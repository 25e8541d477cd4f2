"""Variables of the environment in any text."""

from __future__ import annotations

import pytest

from streamseg.config.env import expand
from streamseg.errors import MAX_PROBLEMS


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${A}", "x"),
        ("a${A}b${A}", "axbx"),
        ("${B:-b c}", "b c"),
        ("${A:-b}", "x"),
        ("${B:-}", ""),
        ("$A {A} $", "$A {A} $"),
        ("${E}", "${A}"),  # what a variable holds is not looked at again
    ],
)
def test_a_text(text: str, expanded: str) -> None:
    assert expand(text, {"A": "x", "E": "${A}"}) == (expanded, [])


def test_everywhere_but_in_keys_and_with_places() -> None:
    found, unset = expand({"a": [{"${A}": "${A}"}, "${B}${C}"], "n": 3, "d": None}, {"A": "x"})
    assert found == {"a": [{"${A}": "x"}, ""], "n": 3, "d": None}
    assert unset == [
        (("a", 1), "B"),
        (("a", 1), "C"),
    ]


def test_many_that_do_not_end_are_not_looked_through_each() -> None:
    """It would take minutes to follow each beginning to the end of the text."""
    text = "}" + "${A:-" * 400_000
    assert expand(text, {}) == (text, [])


def test_a_variable_that_is_not_set_is_told_once_a_text_and_of_many_texts_the_first() -> None:
    (text, told) = expand("${A} ${B} ${A}", {})
    assert (text, len(told)) == ("  ", 2)
    assert (
        len(expand({"a": ["${A}"] * 500, "b": {str(i): "${B}" for i in range(500)}}, {})[1]) == MAX_PROBLEMS
    )
