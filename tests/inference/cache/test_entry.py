"""A file is what was written, or it is refused."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamseg.inference.cache.entry import EntryHeader, pack, unpack
from streamseg.inference.cache.key import CacheKey, Origin

PLAN = bytes(range(256)) * 4


@pytest.fixture
def label(key: CacheKey, origin: Origin) -> EntryHeader:
    return EntryHeader(key, origin, 1.5e9)


@pytest.mark.parametrize("plan", [PLAN, b"", b"\n\n"])
def test_what_is_packed_is_unpacked(label: EntryHeader, plan: bytes) -> None:
    found, content = unpack(b"".join(pack(label, plan)))
    assert found == label
    assert content == plan


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(label: EntryHeader, place: float, bit: int) -> None:
    data = bytearray(b"".join(pack(label, PLAN)))
    data[int(place * len(data))] ^= 1 << bit
    with pytest.raises(ValueError, match=r"damaged|not an entry"):
        unpack(bytes(data))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_any_cut_is_found(label: EntryHeader, share: float) -> None:
    data = b"".join(pack(label, PLAN))
    with pytest.raises(ValueError, match=r"damaged|not an entry"):
        unpack(data[: int(share * len(data))])


@pytest.mark.parametrize("words", [b"3", b"{", b"{}", b'{"origin": {}}', b'{"origin": 1, "key": []}'])
def test_a_sound_file_that_says_something_else_is_refused(words: bytes) -> None:
    body = words + b"\nplan"
    head = b"streamseg-plan 1 " + hashlib.sha256(body).hexdigest().encode()
    with pytest.raises(ValueError, match="not an entry of this version"):
        unpack(head + b"\n" + body)
