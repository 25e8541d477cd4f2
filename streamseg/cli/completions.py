"""Options that take one word of a few."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast, get_args

import typer

from streamseg.types import precision_name

if TYPE_CHECKING:
    from streamseg.inference.backend import BackendName, Precision


def backend_option(given: str) -> BackendName:
    """The value of `--backend`. Raises BadParameter."""
    from streamseg.inference.backend import BackendName  # noqa: PLC0415

    return cast("BackendName", one_of(get_args(BackendName), given, "--backend"))


def precision_option(given: str) -> Precision:
    """The value of `--precision`. Raises BadParameter."""
    from streamseg.inference.backend import Precision  # noqa: PLC0415

    return cast("Precision", one_of(get_args(Precision), precision_name(given), "--precision"))


def one_of(words: Iterable[str], given: str, option: str) -> str:
    """The word given, if it is one of the words. Raises BadParameter, naming the option."""
    known = list(words)
    if given not in known:
        raise typer.BadParameter(f"must be one of {', '.join(known)}, not {given}", param_hint=option)
    return given
