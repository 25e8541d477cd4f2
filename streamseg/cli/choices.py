"""Options that take one word of a few."""

from __future__ import annotations

from collections.abc import Iterable

import typer


def one_of(words: Iterable[str], given: str, option: str) -> str:
    """The word given, if it is one of the words. Raises BadParameter, naming the option."""
    known = list(words)
    if given not in known:
        raise typer.BadParameter(f"must be one of {', '.join(known)}, not {given}", param_hint=option)
    return given
