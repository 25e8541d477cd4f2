"""What every encoding of a label map keeps to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamseg.errors import WireError
from streamseg.types import U8
from streamseg.wire.codecs import Encoding, decode, encode

ENCODINGS = pytest.mark.parametrize("encoding", list(Encoding))
SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)
NOISE = hnp.arrays(np.uint8, SHAPES)
PATCHES = hnp.arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 1, 255]), fill=st.just(np.uint8(3)))


def size_of(labels: U8) -> tuple[int, int]:
    return labels.shape[1], labels.shape[0]


@ENCODINGS
@given(labels=NOISE | PATCHES)
def test_labels_come_back(encoding: Encoding, labels: U8) -> None:
    back = decode(encode(labels, encoding), encoding, size_of(labels))
    np.testing.assert_array_equal(back, labels)
    assert back.dtype == np.uint8


@ENCODINGS
def test_what_comes_back_is_the_callers_own(encoding: Encoding) -> None:
    labels = np.zeros((4, 5), np.uint8)
    back = decode(encode(labels, encoding), encoding, (5, 4))
    back[:] = 1
    assert not labels.any()


@ENCODINGS
def test_views_are_encoded_as_they_are_seen(encoding: Encoding) -> None:
    labels = np.arange(48, dtype=np.uint8).reshape(6, 8).T[::-1]
    np.testing.assert_array_equal(decode(encode(labels, encoding), encoding, (6, 8)), labels)


@ENCODINGS
@given(labels=NOISE, more=st.integers(1, 9))
def test_another_size_than_the_maps_is_a_wire_error(encoding: Encoding, labels: U8, more: int) -> None:
    body = encode(labels, encoding)
    width, height = size_of(labels)
    for wh in ((width + more, height), (width, height + more)):
        with pytest.raises(WireError):
            decode(body, encoding, wh)


@ENCODINGS
@given(body=st.binary(max_size=200))
def test_any_bytes_are_a_map_or_a_wire_error(encoding: Encoding, body: bytes) -> None:
    try:
        labels = decode(body, encoding, (8, 6))
    except WireError:
        return
    assert labels.shape == (6, 8)


@ENCODINGS
@settings(max_examples=200)
@given(data=st.data())
def test_a_damaged_body_is_a_map_or_a_wire_error(encoding: Encoding, data: st.DataObject) -> None:
    body = bytearray(encode(np.arange(48, dtype=np.uint8).reshape(6, 8) // 5, encoding))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    for damaged in (bytes(body), bytes(body[:cut])):
        try:
            labels = decode(damaged, encoding, (8, 6))
        except WireError:
            continue
        assert labels.shape == (6, 8)
