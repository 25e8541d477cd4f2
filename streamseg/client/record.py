"""Masks as files: PNGs whose pixels are the class ids and whose palette is the class colours."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from streamseg.client.subscription import Mask
from streamseg.types import U8, ClassInfo
from streamseg.wire.png import chunk


def save_mask(mask: Mask, folder: Path, classes: Sequence[ClassInfo]) -> Path:
    """Write a mask as `<stream>-<epoch>-<seq>.png` and return its path; `seq` begins anew with each epoch.

    Raises:
        OSError: It cannot be written.
    """
    path = folder / f"{mask.stream}-{mask.header.epoch}-{mask.seq:08}.png"
    path.write_bytes(indexed_png(mask.labels, classes))
    return path


def indexed_png(labels: U8, classes: Sequence[ClassInfo]) -> bytes:
    """An 8-bit palette PNG of a label map `[h, w]` (W3C PNG): viewers see colours, programs see ids."""
    height, width = labels.shape
    palette = np.zeros((256, 3), np.uint8)
    for info in classes:
        palette[info.id] = info.color
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter: 0, none
    rows[:, 1:] = labels
    header = struct.pack(">2I5B", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette.tobytes()), (b"IDAT", zlib.compress(rows.tobytes(), 1)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in (*chunks, (b"IEND", b"")))
