from __future__ import annotations

import pytest
import typer

from streamseg.cli.completions import one_of


def test_a_known_word_is_given_back() -> None:
    assert one_of(["auto", "nchw"], "nchw", "--layout") == "nchw"


def test_another_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(typer.BadParameter, match="must be one of auto, nchw, not chwn") as caught:
        one_of(["auto", "nchw"], "chwn", "--layout")
    assert caught.value.param_hint == "--layout"
