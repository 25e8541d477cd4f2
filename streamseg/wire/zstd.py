"""Zstandard (RFC 8878) with a bound on what a body may unfold to."""

from __future__ import annotations

import zstandard

from streamseg.errors import WireError

_LEVEL = 1  # higher ones cost more time than they save bytes on label maps
_MIN_WINDOW_BYTES = 2**23  # RFC 8878, section 3.1.1.1.2: what every decoder should support


def compress(data: bytes | memoryview) -> bytes:
    """Return `data` as one zstd frame that tells its size."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(data)


def decompress(body: bytes, limit: int) -> bytes:
    """Return what one zstd frame unfolds to, at most `limit` bytes.

    Raises:
        WireError: Not a single zstd frame, damaged, or it unfolds to more than `limit` bytes.
    """
    try:
        # `max_output_size` binds only frames that do not tell their size: the told size is checked here.
        if zstandard.frame_content_size(body) > limit:
            raise WireError(f"the zstd body unfolds to more than the {limit} bytes it should")
        decompressor = zstandard.ZstdDecompressor(max_window_size=max(limit, _MIN_WINDOW_BYTES))
        return decompressor.decompress(body, max_output_size=limit, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise WireError(f"the zstd body is damaged or larger than {limit} bytes: {error}") from None
