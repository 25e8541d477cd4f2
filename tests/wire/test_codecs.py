"""Codecs: which there are, and that nothing unknown or unfit gets through (see also tests/contracts)."""

from __future__ import annotations

import numpy as np
import pytest

from streamseg.errors import WireError
from streamseg.types import U8
from streamseg.wire.codecs import MAX_PIXELS, Encoding, decode, encode
from tests.wire.samples import LABELS


def test_the_encodings_are_those_of_the_protocol() -> None:
    assert list(Encoding) == ["raw", "zstd", "rle", "png"]


def test_an_unknown_encoding_is_named_with_those_that_are_known() -> None:
    with pytest.raises(WireError, match=r"'av1'; this end knows raw, zstd, rle, png"):
        decode(b"", "av1", (8, 6))
    with pytest.raises(WireError, match="'av1'"):
        encode(LABELS, "av1")


@pytest.mark.parametrize("labels", [LABELS.astype(np.int64), LABELS[None], LABELS[:0]])
def test_what_is_no_label_map_is_not_encoded(labels: U8) -> None:
    with pytest.raises(WireError, match="not a label map"):
        encode(labels, "raw")


@pytest.mark.parametrize("wh", [(0, 6), (8, 0), (-8, -6), (MAX_PIXELS, 2)])
@pytest.mark.parametrize("encoding", list(Encoding))
def test_impossible_sizes_are_refused(encoding: Encoding, wh: tuple[int, int]) -> None:
    with pytest.raises(WireError, match="pixels"):
        decode(b"", encoding, wh)
