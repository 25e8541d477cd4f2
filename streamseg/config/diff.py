"""From the configuration that holds to another: what must happen for which key. Derived from the keys' marks.

changes = diff(old, new)      # what to do
running = applied(old, new)   # what holds once it is done
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streamseg.config.metadata import Reload, reload_of, sections_of
from streamseg.config.schema import Config

Keys = tuple[str, ...]
Section = TypeVar("Section", bound=BaseModel)
_BY_WEIGHT = list(Reload)


@dataclass(frozen=True, slots=True)
class Members:
    """What becomes of the streams, or of the engines; whoever is in none of these goes on untouched.

    Attributes:
        added: New ones.
        removed: Those that are no more.
        renewed: Streams to be started again, engines to be built anew and swapped: with the keys that differ.
        updated: Those that take other values while they run: with the keys that differ.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renewed: Mapping[str, Keys] = field(default_factory=dict)
    updated: Mapping[str, Keys] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.renewed or self.updated)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reload has to do.

    Attributes:
        streams: What becomes of the streams.
        engines: What becomes of the engines.
        live: Other keys whose new values hold at once.
        daemon: Keys whose new values hold once the daemon is started again.
    """

    streams: Members
    engines: Members
    live: Keys = ()
    daemon: Keys = ()

    def __bool__(self) -> bool:
        return bool(self.streams or self.engines or self.live or self.daemon)


def diff(old: Config, new: Config) -> Changes:
    """What must happen so that `new` holds where `old` does."""
    rest = {
        mark: tuple(key for key, found in _differences(old, new) if found is mark)
        for mark in (Reload.LIVE, Reload.DAEMON)
    }
    return Changes(
        _members(old.streams, new.streams),
        _members(old.engines, new.engines),
        rest[Reload.LIVE],
        rest[Reload.DAEMON],
    )


def applied(old: Section, new: Section) -> Section:
    """What holds after a reload: `new`, but for the keys that only another start changes."""
    kept = {
        name: _kept(key, getattr(old, name), getattr(new, name))
        for name, key in type(new).model_fields.items()
    }
    return new.model_copy(update=kept)


def weight_of(model: type[BaseModel]) -> Reload:
    """The most that a change within a section may take."""
    return max((_mark(key) for key in model.model_fields.values()), key=_BY_WEIGHT.index)


def _members(old: Mapping[str, Section], new: Mapping[str, Section]) -> Members:
    differing = {
        name: list(_differences(old[name], new[name]))
        for name in new
        if name in old and old[name] != new[name]
    }
    live = {name for name, found in differing.items() if all(mark is Reload.LIVE for _, mark in found)}
    keys = {name: tuple(key for key, _ in found) for name, found in differing.items()}
    return Members(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        renewed={name: found for name, found in keys.items() if name not in live},
        updated={name: found for name, found in keys.items() if name in live},
    )


def _differences(old: BaseModel, new: BaseModel, above: str = "") -> Iterator[tuple[str, Reload]]:
    """Every key that differs, with what its change takes; not those of streams and engines."""
    for name, key in type(new).model_fields.items():
        before, after = getattr(old, name), getattr(new, name)
        if before == after or isinstance(after, dict):
            continue
        if reload_of(key) is None and isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _differences(before, after, f"{above}{name}.")
        else:
            yield f"{above}{name}", _mark(key)


def _mark(key: FieldInfo) -> Reload:
    """What a change of the key takes; of a section that comes or goes, the most that any key in it takes."""
    return reload_of(key) or max(map(weight_of, sections_of(key)), key=_BY_WEIGHT.index)


def _kept(key: FieldInfo, old: Any, new: Any) -> Any:
    if reload_of(key) is Reload.DAEMON:
        return old
    inside = isinstance(old, BaseModel) and isinstance(new, BaseModel)
    return applied(old, new) if inside else new
