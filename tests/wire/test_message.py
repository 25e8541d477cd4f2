"""Whole messages: three parts that agree with one another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.errors import WireError
from streamseg.wire.message import HEADERS, Message, pack, unpack
from streamseg.wire.topics import Kind
from tests.wire.samples import BEAT, INFO, LABELS, MASK, messages

TOPIC, HEADER, BODY = pack(MASK, LABELS.tobytes())


@pytest.mark.parametrize("name", sorted(messages()))
def test_a_message_is_read_as_what_was_written(name: str) -> None:
    message = messages()[name]
    assert unpack(pack(message.header, message.body)) == message


def test_every_kind_has_its_header() -> None:
    assert {kind: header.kind for kind, header in HEADERS.items()} == {kind: kind for kind in Kind}


def test_labels_of_a_mask() -> None:
    np.testing.assert_array_equal(unpack([TOPIC, HEADER, BODY]).labels(), LABELS)


def test_only_masks_have_labels() -> None:
    with pytest.raises(WireError, match="kind info has no label map"):
        Message(INFO).labels()


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [TOPIC, HEADER],
        [TOPIC, HEADER, BODY, b""],
        [b"seg/1/yard/mask", HEADER, BODY],
        [b"seg/1/gate/beat", HEADER, b"x"],
        [b"seg/2/gate/mask", HEADER, BODY],
        [TOPIC, b"", BODY],
        [*pack(BEAT)[:2], b"x"],
    ],
)
def test_parts_that_do_not_agree_are_refused(parts: list[bytes]) -> None:
    with pytest.raises(WireError):
        unpack(parts)


@given(st.lists(st.binary(max_size=100), min_size=2, max_size=2), st.sampled_from(list(Kind)))
def test_any_bytes_under_any_topic_are_a_wire_error(rest: list[bytes], kind: Kind) -> None:
    family = b"pic" if kind is Kind.PICTURE else b"seg"
    with pytest.raises(WireError):
        unpack([family + b"/1/gate/" + kind.encode(), *rest])
