"""What a reload must do: derived from the marks of the keys, for any two configurations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given

from streamseg.config.diff import Changes, Members, applied, diff, weight_of
from streamseg.config.metadata import Reload, reload_of
from streamseg.config.schema import Config, EngineConfig, StreamConfig
from tests.config.made import CONFIGS, FEW

ELSEWHERE = {name for name, field in Config.model_fields.items() if reload_of(field) is Reload.NONE}


def leaves(value: object, where: str = "") -> Iterator[tuple[str, object]]:
    """Every value in a dumped configuration at its place; members and empty sections too."""
    if isinstance(value, dict):
        yield where, None
        for key, inner in value.items():
            yield from leaves(inner, f"{where}.{key}".lstrip("."))
    else:
        yield where, value


def told(changes: Changes) -> set[str]:
    """The places that a diff speaks of."""
    places = {*changes.live, *changes.daemon}
    for room, members in (("streams", changes.streams), ("engines", changes.engines)):
        places |= {f"{room}.{name}" for name in (*members.added, *members.removed)}
        for found in (members.renewed, members.updated):
            places |= {f"{room}.{name}.{key}" for name, keys in found.items() for key in keys}
    return places


def covers(place: str, key: str) -> bool:
    return key == place or key.startswith(f"{place}.")


@FEW
@given(CONFIGS)
def test_nothing_has_changed(config: Config) -> None:
    assert not diff(config, config.model_copy(deep=True))


@FEW
@given(CONFIGS, CONFIGS)
def test_every_key_that_differs_is_told_of_and_no_other(old: Config, new: Config) -> None:
    before, after = dict(leaves(old.model_dump())), dict(leaves(new.model_dump()))
    differing = {
        key
        for key in before.keys() | after.keys()
        if before.get(key, ...) != after.get(key, ...) and key.split(".")[0] not in ELSEWHERE
    }
    places = told(diff(old, new))
    assert [key for key in differing if not any(covers(place, key) for place in places)] == []
    assert [place for place in places if not any(covers(place, key) for key in differing)] == []


@FEW
@given(CONFIGS, CONFIGS)
def test_a_stream_or_engine_is_named_once_and_only_if_it_differs(old: Config, new: Config) -> None:
    changes = diff(old, new)
    pairs: list[tuple[Members, Any, Any]] = [
        (changes.streams, old.streams, new.streams),
        (changes.engines, old.engines, new.engines),
    ]
    for members, before, after in pairs:
        named = [*members.added, *members.removed, *members.renewed, *members.updated]
        assert sorted(named) == sorted(
            n for n in before.keys() | after.keys() if before.get(n) != after.get(n)
        )


@FEW
@given(CONFIGS, CONFIGS)
def test_what_holds_afterwards_differs_from_what_was_asked_in_what_needs_a_start_alone(
    old: Config, new: Config
) -> None:
    changes, running = diff(old, new), applied(old, new)
    assert diff(running, new) == Changes(Members(), Members(), (), changes.daemon)
    assert diff(old, running).daemon == ()


def config(**keys: Any) -> Config:
    return Config.model_validate({"streams": {"gate": {"source": "x"}, "yard": {"source": "y"}}, **keys})


BASE = config()


@pytest.mark.parametrize(
    ("stream", "renewed", "updated"),
    [
        ({"source": "z"}, {"gate": ("source.url",)}, {}),
        ({"source": {"url": "x", "loop": True}, "ema": 0.1}, {"gate": ("ema", "source.loop")}, {}),
        ({"source": "x", "encoding": "rle"}, {}, {"gate": ("encoding",)}),
        ({"source": "x", "roi": {"w": 0.5}}, {}, {"gate": ("roi",)}),
        ({"source": "x", "engine": "big"}, {"gate": ("engine",)}, {}),
    ],
)
def test_one_stream_changes_and_the_other_does_not(
    stream: dict[str, Any], renewed: dict[str, Any], updated: dict[str, Any]
) -> None:
    new = config(streams={"gate": stream, "yard": {"source": "y"}})
    found = diff(BASE, new).streams
    assert {name: tuple(sorted(keys)) for name, keys in found.renewed.items()} == renewed
    assert found.updated == updated


def test_a_corner_of_the_region_is_told_by_its_name() -> None:
    old, new = (config(streams={"gate": {"source": "x", "roi": {"w": w}}}) for w in (0.5, 0.25))
    assert diff(old, new).streams.updated == {"gate": ("roi.w",)}


def test_streams_come_and_go() -> None:
    found = diff(BASE, config(streams={"yard": {"source": "y"}, "roof": {"source": "z"}})).streams
    assert (found.added, found.removed, found.renewed, found.updated) == (("roof",), ("gate",), {}, {})


def test_an_engine_is_swapped_under_its_streams() -> None:
    found = diff(BASE, config(engine={"threads": 3, "fallback": False}))
    assert found.engines.renewed == {"default": ("fallback", "threads")}
    assert not found.streams


def test_defaults_have_their_effect_in_the_streams() -> None:
    found = diff(BASE, config(defaults={"encoding": "rle"}))
    assert found == Changes(Members(updated=dict.fromkeys(("gate", "yard"), ("encoding",))), Members())


def test_what_needs_another_start_is_told_until_there_is_one() -> None:
    new = config(publish={"hwm": 9}, daemon={"log_level": "debug", "trace": {"endpoint": "http://h"}})
    found = diff(BASE, new)
    assert (found.live, found.daemon) == (("daemon.log_level",), ("daemon.trace.endpoint", "publish.hwm"))
    running = applied(BASE, new)
    assert (running.daemon.log_level, running.publish.hwm) == ("debug", BASE.publish.hwm)
    assert diff(running, new).daemon == found.daemon


def test_no_key_of_a_stream_or_an_engine_needs_more_than_its_own_restart() -> None:
    assert weight_of(StreamConfig) is Reload.STREAM
    assert weight_of(EngineConfig) is Reload.ENGINE
    assert Reload.STREAM not in {reload_of(field) for field in EngineConfig.model_fields.values()}
