"""Runs of equal labels, row-major over the whole map.

The layout, little-endian: u32 count n, n × u8 label, n × u32 length.
"""

from __future__ import annotations

import numpy as np

from streamseg.errors import WireError
from streamseg.types import U8

_COUNT_BYTES = 4
_RUN_BYTES = 5


def most_bytes(pixels: int) -> int:
    """Return the size of the worst case: every pixel a run of its own."""
    return _COUNT_BYTES + _RUN_BYTES * pixels


def pack_runs(labels: U8) -> bytes:
    """Return the runs of a label map of any shape, in row-major order."""
    flat = labels.reshape(-1)
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]), flat.size - 1)
    lengths = np.diff(ends, prepend=-1)
    count = np.array([ends.size], "<u4")
    return b"".join((count.tobytes(), flat[ends].tobytes(), lengths.astype("<u4").tobytes()))


def unpack_runs(payload: bytes, pixels: int) -> U8:
    """Return the labels `[pixels]` uint8 of a payload's runs.

    Raises:
        WireError: The payload is not as long as its count says, a run is empty, or the runs do not cover
            exactly `pixels`.
    """
    count = int.from_bytes(payload[:_COUNT_BYTES], "little")
    if len(payload) != most_bytes(count):
        raise WireError(f"the rle body has {len(payload)} bytes, {count} runs need {most_bytes(count)}")
    labels = np.frombuffer(payload, np.uint8, count, _COUNT_BYTES)
    lengths = np.frombuffer(payload, "<u4", count, _COUNT_BYTES + count)
    if int(lengths.sum(dtype=np.uint64)) != pixels or not lengths.all():
        raise WireError(f"the runs of the rle body do not cover the {pixels} pixels of the mask")
    return np.repeat(labels, lengths)
