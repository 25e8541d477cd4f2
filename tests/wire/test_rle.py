"""Runs: maximal, row-major, and refused unless they make up the map."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamseg.errors import WireError
from streamseg.types import U8
from streamseg.wire.rle import most_bytes, pack_runs, unpack_runs


def runs(*pairs: tuple[int, int]) -> bytes:
    labels, lengths = zip(*pairs, strict=True)
    return struct.pack(f"<I{len(pairs)}B{len(pairs)}I", len(pairs), *labels, *lengths)


@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20), elements=st.integers(0, 2))
)
def test_a_map_is_read_as_what_was_written(labels: U8) -> None:
    packed = pack_runs(labels)
    assert len(packed) <= most_bytes(labels.size)
    np.testing.assert_array_equal(unpack_runs(packed, labels.size), labels.ravel())


def test_runs_go_on_over_the_ends_of_rows() -> None:
    assert pack_runs(np.array([[1, 2], [2, 3]], np.uint8)) == runs((1, 1), (2, 2), (3, 1))


def test_a_map_of_one_class_is_one_run() -> None:
    assert pack_runs(np.full((6, 8), 7, np.uint8)) == runs((7, 48))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0\0\0",
        struct.pack("<I", 0),
        struct.pack("<I", 2**32 - 1),
        runs((1, 3)),
        runs((1, 5)),
        runs((1, 4), (2, 0)),
        runs((1, 2**32 - 1), (2, 5)),  # 4, had the sum 32 bits
        runs((1, 4)) + b"\0",
        runs((1, 4))[:-1],
    ],
)
def test_runs_that_do_not_make_up_the_map_are_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        unpack_runs(payload, 4)
