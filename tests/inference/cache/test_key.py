"""Whatever differs is another key."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.inference.cache.key import CacheKey, Machine, timing_key

WORDS = st.text(max_size=8)
MACHINES = st.builds(Machine, WORDS, WORDS, WORDS, WORDS, WORDS)
KEYS = st.builds(CacheKey, WORDS, MACHINES, WORDS, WORDS, WORDS)
OF_MACHINE = [field.name for field in fields(Machine)]
OF_KEY = [field.name for field in fields(CacheKey) if field.name != "machine"]


@given(key=KEYS, name=st.sampled_from([*OF_MACHINE, *OF_KEY]), other=WORDS)
def test_any_field_that_differs_gives_another_digest(key: CacheKey, name: str, other: str) -> None:
    words: dict[str, Any] = {name: other}
    if name in OF_MACHINE:
        words = {"machine": replace(key.machine, **words)}
    changed = replace(key, **words)
    assert (changed.digest == key.digest) is (changed == key)


@given(one=KEYS, other=KEYS)
def test_digests_are_equal_exactly_where_keys_are(one: CacheKey, other: CacheKey) -> None:
    assert (one.digest == other.digest) is (one == other)


@given(key=KEYS)
def test_a_key_is_written_and_read(key: CacheKey) -> None:
    assert CacheKey.from_json(json.loads(json.dumps(key.json))) == key


@pytest.mark.parametrize(
    "known", [{}, {"machine": {}}, {"machine": 3}, {"graph": "a", "machine": {"x": "y"}}]
)
def test_what_is_no_key_is_refused(known: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a key"):
        CacheKey.from_json(known)


def test_the_differences_of_machines_are_told(key: CacheKey) -> None:
    here = replace(key.machine, version="10.16.1.11", driver="")
    assert key.machine.differences(here) == [
        "version 11.4.0.106, here 10.16.1.11",
        "driver 580.95.05, here none",
    ]
    assert here.differences(here) == []


def test_a_timing_cache_is_the_machines_alone(key: CacheKey) -> None:
    other = replace(key.machine, device="NVIDIA A2")
    assert timing_key(key.machine) != timing_key(other)
    assert timing_key(key.machine).digest != key.digest
