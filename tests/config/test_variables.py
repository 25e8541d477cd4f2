"""Variables of the environment in any text."""

from __future__ import annotations

import pytest

from streamseg.config.variables import expand


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
