"""From what a user wrote to what holds: former keys, the short form of the engines, defaults of the streams.

Plain values in and out, before they are checked; whatever has the wrong shape is left for the check to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from streamseg.config.deprecated import ENGINE_KEYS, engine_depth
from streamseg.config.yaml_source import Location

ENGINE = "default"
"""The name of an engine that has none, and the engine of a stream that names none."""
MAX_INHERITED = 50_000  # values of all streams that come from `defaults`


def effective(document: Any) -> Any:
    """The document with present key names, `engine` under `engines`, and all that holds for a stream at it.

    Raises:
        ValueError: That would be very many values.
    """
    if not isinstance(document, dict):
        return document
    named = _with_present_keys(_with_engines(document))
    return _with_engine_names(_with_defaults(named))


def written_as(where: Location, document: Any) -> Location:
    """The place in `document` of what stands at `where` in its effective form."""
    short = where[:2] == ("engines", ENGINE) and "engine" in document
    written: Location = ("engine", *where[2:]) if short else where
    depth = engine_depth(written)
    former = {new: old for old, new in _former_keys(_at(document, written[:depth])).items()}
    return _with_part(written, depth, former)


def as_effective(where: Location, document: Any) -> Location:
    """The place in the effective form of what a user wrote at `where` in `document`."""
    depth = engine_depth(where)
    present = _with_part(where, depth, _former_keys(_at(document, where[:depth])))
    engines = document.get("engines", {})
    short = where[:1] == ("engine",) and isinstance(engines, dict) and ENGINE not in engines
    return ("engines", ENGINE, *present[1:]) if short else present


def former_keys(document: Any) -> Iterator[tuple[Location, str]]:
    """Every former key that is in use in `document`: where it stands, and what it is called now."""
    engines = document.get("engines")
    names = engines if isinstance(engines, dict) else ()
    for section in (("engine",), *(("engines", name) for name in names)):
        for old, new in _former_keys(_at(document, section)).items():
            yield (*section, old), new


def _former_keys(section: Any) -> dict[str, str]:
    """The former keys that a section uses; of one that has both names the schema complains."""
    if not isinstance(section, dict):
        return {}
    return {old: new for old, new in ENGINE_KEYS.items() if old in section and new not in section}


def _at(document: Any, where: Location) -> Any:
    """What stands at a place; None where nothing does."""
    for part in where:
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _with_part(where: Location, index: int, names: dict[str, str]) -> Location:
    """A place with one of its parts renamed."""
    part = where[index] if index and index < len(where) else None
    return (*where[:index], names[part], *where[index + 1 :]) if part in names else where


def _with_present_keys(document: dict[str, Any]) -> dict[str, Any]:
    engines = document.get("engines")
    if not isinstance(engines, dict):
        return document
    return {**document, "engines": {name: _present(section) for name, section in engines.items()}}


def _present(section: Any) -> Any:
    """An engine's section with the present names of its keys, in their order."""
    names = _former_keys(section)
    return {names.get(key, key): value for key, value in section.items()} if names else section


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
