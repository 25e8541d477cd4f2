"""zstd: one whole frame, and never more than was asked for."""

from __future__ import annotations

import pytest
import zstandard

from streamseg.errors import WireError
from streamseg.wire.zstd import compress, decompress

DATA = bytes(range(256)) * 8


def streamed(data: bytes) -> bytes:
    """A frame that does not tell its size, as streaming encoders of other languages make them."""
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("pack", [compress, streamed])
def test_data_come_back(pack: object) -> None:
    assert callable(pack)
    assert decompress(pack(DATA), len(DATA)) == DATA


@pytest.mark.parametrize("pack", [compress, streamed])
def test_more_than_was_asked_for_is_refused(pack: object) -> None:
    assert callable(pack)
    with pytest.raises(WireError):
        decompress(pack(DATA + b"x"), len(DATA))


def test_a_claim_of_terabytes_is_refused_before_anything_is_allocated() -> None:
    # RFC 8878, section 3.1.1: magic, descriptor (8-byte content size, single segment), 2^42 bytes
    frame = b"\x28\xb5\x2f\xfd\xe0" + (2**42).to_bytes(8, "little") + b"\x01\x00\x00"
    with pytest.raises(WireError, match="more than the 100 bytes"):
        decompress(frame, 100)


@pytest.mark.parametrize(
    "body", [b"", b"no zstd", compress(DATA)[:-5], compress(DATA) + b"tail", compress(DATA[:9]) * 2]
)
def test_what_is_no_single_whole_frame_is_refused(body: bytes) -> None:
    with pytest.raises(WireError):
        decompress(body, len(DATA))
