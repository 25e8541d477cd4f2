"""Label files as arrays: palettes read by index, an alpha channel that says nothing dropped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from streamseg.types import U8

SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".webp")  # of labels; JPEG changes what it stores
PHOTOGRAPHS = {".jpg", ".jpeg"}
_PNG_PALETTE = 3  # colour type (PNG specification, 11.2.1), byte 25 of the file
_OPAQUE = 255


def label_path(folder: Path, stem: str) -> Path:
    """Where the label of a picture is; the PNG where there is none."""
    found = (folder / f"{stem}{suffix}" for suffix in SUFFIXES)
    return next((path for path in found if path.is_file()), folder / f"{stem}{SUFFIXES[0]}")


def decode_label(path: Path, *, by_index: bool) -> NDArray[np.generic] | None:
    """A label file as it is stored.

    Args:
        path: The file.
        by_index: Files with a palette are ids, whatever colours they are shown in (PASCAL VOC).

    Returns:
        `[H, W]`, or `[H, W, C]` in OpenCV's order of colours; None: it cannot be decoded.
    """
    if by_index and (found := read_palette(path)) is not None:
        return found[0]
    label: NDArray[np.generic] | None = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if label is not None and label.ndim == 3 and label.shape[2] == 4 and (label[..., 3] == _OPAQUE).all():
        return label[..., :3]
    return label


def read_palette(path: Path) -> tuple[U8, U8] | None:
    """Indices `[H, W]` and RGB palette `[256, 3]` of a file that has one; else None.

    FFmpeg decodes it, as OpenCV gives colours alone.
    """
    if not _may_have_palette(path):
        return None
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
    except (FFmpegError, StopIteration):
        return None
    if frame.format.name != "pal8":
        return None
    rows = np.frombuffer(frame.planes[0], np.uint8).reshape(-1, frame.planes[0].line_size)
    palette = np.frombuffer(frame.planes[1], np.uint8).reshape(256, 4)  # BGRA
    return rows[: frame.height, : frame.width].copy(), palette[:, 2::-1].copy()


def _may_have_palette(path: Path) -> bool:
    if path.suffix.lower() != ".png":
        return path.suffix.lower() in {".tif", ".tiff", ".bmp"}
    try:
        with path.open("rb") as file:
            head = file.read(26)
    except OSError:
        return False
    return len(head) == 26 and head[25] == _PNG_PALETTE


def missing_labels(folder: Path, missing: Sequence[str], pictures: Path) -> str:
    """That pictures have no label, in one line, with a hint where there are files of another kind.

    Args:
        folder: Of the labels.
        missing: Names of the pictures.
        pictures: Their folder.
    """
    stems = {Path(name).stem for name in missing}
    others = sorted({p.suffix for p in folder.iterdir() if p.stem in stems and p.suffix not in SUFFIXES})
    line = f"{len(missing):,} pictures in {pictures} have no label PNG"
    if PHOTOGRAPHS & {suffix.lower() for suffix in others}:
        return f"{line}; there are {' and '.join(others)}, but JPEG changes ids: export them as PNG"
    return f"{line}; there are {' and '.join(others)}: export them as PNG" if others else line
