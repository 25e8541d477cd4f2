"""What is stale, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamseg.inference.cache.audit import State, survey
from streamseg.inference.cache.entry import EntryHeader
from streamseg.inference.cache.key import CacheKey, Machine, Origin, timing_key
from streamseg.inference.cache.store import Entry


def judged(key: CacheKey, origin: Origin, here: Machine | None, graphs: frozenset[str]) -> tuple[State, str]:
    entry = Entry(Path("x.plan"), 3, 1.0, EntryHeader(key, origin, 1.0), "")
    known = {} if here is None else {here.backend: here}
    (found,) = survey([entry], known, lambda folder: graphs if folder == origin.folder else frozenset())
    assert found.entry is entry
    return found.state, found.why


def test_what_will_be_asked_for_again_is_current(key: CacheKey, origin: Origin) -> None:
    assert judged(key, origin, key.machine, frozenset({key.graph})) == (State.CURRENT, "")
    assert judged(timing_key(key.machine), origin, key.machine, frozenset()) == (State.CURRENT, "")


@pytest.mark.parametrize("field", ["version", "device", "capability", "driver"])
def test_another_machine_makes_it_stale(key: CacheKey, origin: Origin, field: str) -> None:
    words: dict[str, str] = {field: "B"}
    state, why = judged(key, origin, replace(key.machine, **words), frozenset({key.graph}))
    assert (state, why) == (State.STALE, f"{field} {getattr(key.machine, field)}, here B")


def test_a_package_that_is_gone_or_another_makes_it_stale(key: CacheKey, origin: Origin) -> None:
    state, why = judged(key, origin, key.machine, frozenset({"other"}))
    assert (state, why) == (State.STALE, f"{origin.folder} holds another segmenter, or no package, by now")


def test_a_driver_that_is_away_costs_nothing(key: CacheKey, origin: Origin) -> None:
    expected = (State.IDLE, "tensorrt is not usable here now")
    assert judged(key, origin, None, frozenset({key.graph})) == expected


def test_what_is_unsound_is_stale() -> None:
    (found,) = survey([Entry(Path("x.plan"), 3, 1.0, None, "damaged")], {}, lambda _: ())
    assert (found.state, found.why) == (State.STALE, "damaged")
