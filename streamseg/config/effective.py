"""From what a user wrote to what holds: the short form of the engines, and the defaults of the streams.

Plain values in and out, before they are checked; whatever has the wrong shape is left for the check to tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ENGINE = "default"
"""The name of an engine that has none, and the engine of a stream that names none."""
MAX_INHERITED = 50_000  # values of all streams that come from `defaults`


def effective(document: Any) -> Any:
    """The document with `engine` under `engines`, and with all that holds for a stream written at it.

    Raises:
        ValueError: That would be very many values.
    """
    if not isinstance(document, dict):
        return document
    named = _with_engines(document)
    return _with_engine_names(_with_defaults(named))


def written_as(where: tuple[int | str, ...], document: Any) -> tuple[int | str, ...]:
    """The place in `document` of what stands at `where` in its effective form."""
    short = where[:2] == ("engines", ENGINE) and "engine" in document
    return ("engine", *where[2:]) if short else where


def as_effective(where: tuple[int | str, ...], document: Any) -> tuple[int | str, ...]:
    """The place in the effective form of what a user wrote at `where` in `document`."""
    engines = document.get("engines", {})
    short = where[:1] == ("engine",) and isinstance(engines, dict) and ENGINE not in engines
    return ("engines", ENGINE, *where[1:]) if short else where


def _with_engines(document: dict[str, Any]) -> dict[str, Any]:
    """`engine: …` is short for `engines: {default: …}`, and may stand beside others."""
    engines = document.get("engines", {})
    if "engine" not in document or not isinstance(engines, dict) or ENGINE in engines:
        return document
    rest = {key: value for key, value in document.items() if key != "engine"}
    return {**rest, "engines": {ENGINE: document["engine"], **engines}}


def _with_defaults(document: dict[str, Any]) -> dict[str, Any]:
    defaults = document.get("defaults")
    if not isinstance(defaults, dict):
        return document
    streams = document.get("streams")
    if isinstance(streams, dict) and _count(defaults) * len(streams) > MAX_INHERITED:
        msg = f"defaults: {_count(defaults)} values are too many for each of {len(streams)} streams"
        raise ValueError(msg)
    return _with_streams(document, lambda own: {**defaults, **own})


def _count(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_count, inside))


def _with_engine_names(document: dict[str, Any]) -> dict[str, Any]:
    """Where there is one engine, it need not be named."""
    engines = document.get("engines")
    if not isinstance(engines, dict) or len(engines) != 1:
        return document
    (only,) = engines
    return _with_streams(document, lambda own: {"engine": only, **own})


def _with_streams(
    document: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    streams = document.get("streams")
    if not isinstance(streams, dict):
        return document
    changed = {name: change(own) if isinstance(own, dict) else own for name, own in streams.items()}
    return {**document, "streams": changed}
