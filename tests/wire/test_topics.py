"""Topics: names, prefixes, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.errors import WireError
from streamseg.types import NAME
from streamseg.wire.topics import TOPIC_BYTES, Kind, may_match, parse_topic, prefix, topic


@given(st.from_regex(NAME, fullmatch=True), st.sampled_from(list(Kind)))
def test_a_topic_is_read_as_what_was_written(stream: str, kind: Kind) -> None:
    assert parse_topic(topic(stream, kind)) == (stream, kind)
    assert len(topic(stream, kind)) <= TOPIC_BYTES


def test_topics_look_as_documented() -> None:
    assert topic("gate", Kind.MASK) == b"seg/1/gate/mask"
    assert topic("gate", Kind.PICTURE) == b"pic/1/gate/jpeg"


def test_cam1_does_not_match_cam10() -> None:
    assert topic("cam1", Kind.MASK).startswith(prefix("cam1"))
    assert not topic("cam10", Kind.MASK).startswith(prefix("cam1"))


def test_whoever_wants_masks_gets_no_pictures() -> None:
    assert not topic("gate", Kind.PICTURE).startswith(prefix("gate"))
    assert topic("gate", Kind.PICTURE).startswith(prefix("gate", "pic"))


@pytest.mark.parametrize("name", ["", "a/b", "a b", "é", "a" * 65, "gate\n"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(WireError, match="not a stream's name"):
        topic(name, Kind.MASK)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"seg/1/gate",
        b"seg/1/gate/",
        b"seg/1//mask",
        b"seg/2/gate/mask",
        b"seg/1/gate/jpeg",
        b"pic/1/gate/mask",
        b"seg/1/gate/mask\n",
        b"seg/1/gate/mask/x",
        b"seg/1/g\xffte/mask",
        b"seg/1/" + b"a" * 1000 + b"/mask",
    ],
)
def test_other_topics_are_refused(raw: bytes) -> None:
    with pytest.raises(WireError, match="not a topic"):
        parse_topic(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_topic_or_a_wire_error(raw: bytes) -> None:
    try:
        stream, kind = parse_topic(raw)
    except WireError:
        return
    assert topic(stream, kind) == raw


@pytest.mark.parametrize("kind", list(Kind))
def test_whatever_a_topic_begins_with_may_match(kind: Kind) -> None:
    whole = topic("cam-1.a_B", kind)
    assert all(may_match(whole[:end]) for end in range(len(whole) + 1))
    assert may_match(topic("a" * 64, kind))


@pytest.mark.parametrize(
    "wanted",
    [
        *(b"x", b"segment", b"seg/2/", b"seg/1//", b"seg/1/a b", b"seg/1/gate/masks", b"seg/1/gate/jpeg"),
        *(b"pic/1/gate/mask", b"seg/1/gate/mask/", b"seg/1/" + b"a" * 65, b"seg/1/\xff", b"seg/1/gate\n"),
    ],
)
def test_what_no_topic_begins_with_never_matches(wanted: bytes) -> None:
    assert not may_match(wanted)
