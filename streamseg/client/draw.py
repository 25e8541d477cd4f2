"""Masks in colour: over a picture, beside it, with a legend. Pictures are RGB `[H, W, 3]` uint8."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamseg.types import U8, ClassInfo

BACKGROUND = 24  # grey of sheets
_ROW_PX = 26  # height of a line of the legend
_LETTER_PX = 10  # width to reserve for a letter


def colorize(labels: U8, classes: Sequence[ClassInfo]) -> U8:
    """Give every pixel of a label map `[H, W]` its class's colour; ignored and unknown ids are black."""
    table = np.zeros((256, 3), np.uint8)
    for info in classes:
        table[info.id] = info.color
    return table[labels]


def overlay(rgb: U8, labels: U8, classes: Sequence[ClassInfo], opacity: float = 0.5) -> U8:
    """Lay a label map over its picture.

    Args:
        rgb: The picture, `[H, W, 3]`.
        labels: Its label map, `[H, W]`.
        classes: The model's classes.
        opacity: 0…1; ignored pixels show the picture alone.
    """
    share = np.where(labels == 255, 0.0, opacity)[..., None]
    blended: U8 = (rgb * (1 - share) + colorize(labels, classes) * share + 0.5).astype(np.uint8)
    return blended


def legend(classes: Sequence[ClassInfo], width: int) -> U8:
    """A strip `[h, width, 3]` with a coloured square and the name of each class."""
    longest = max((len(info.name) for info in classes), default=1)
    cell = 2 * _ROW_PX + longest * _LETTER_PX
    columns = max(1, width // cell)
    rows = -(-len(classes) // columns)
    strip: U8 = np.full((rows * _ROW_PX + 8, width, 3), BACKGROUND, np.uint8)
    for place, info in enumerate(classes):
        x, y = place % columns * cell + 8, place // columns * _ROW_PX + 6
        strip[y : y + 18, x : x + 18] = info.color
        _write(strip, info.name, (x + 26, y + 14))
    return strip


def contact_sheet(moments: Sequence[tuple[U8, U8]], classes: Sequence[ClassInfo], columns: int = 2) -> U8:
    """Several moments, each the picture beside its mask in class colours, above a legend of what is seen.

    Args:
        moments: (picture `[H, W, 3]`, label map `[H, W]`) each, all of one size.
        classes: The model's classes.
        columns: Moments side by side.

    Raises:
        ValueError: No moments.
    """
    if not moments:
        raise ValueError("a contact sheet needs at least one moment")
    panels = [np.hstack([rgb, colorize(labels, classes)]) for rgb, labels in moments]
    panels += [np.full_like(panels[0], BACKGROUND)] * (-len(panels) % columns)
    rows = [np.hstack(panels[i : i + columns]) for i in range(0, len(panels), columns)]
    seen = np.unique(np.stack([labels for _, labels in moments]))
    present = [info for info in classes if info.id in seen]
    return np.vstack([*rows, legend(present, rows[0].shape[1])])


def _write(picture: U8, text: str, origin: tuple[int, int]) -> None:
    """Draw text, baseline at `origin`, in light grey."""
    import cv2  # noqa: PLC0415 only who draws text needs it

    cv2.putText(picture, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (220, 220, 220), 1, cv2.LINE_AA)
