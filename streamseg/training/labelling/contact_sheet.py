"""A contact sheet of labelled pictures: the picture, its labels over it, and how much is labelled as what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from streamseg.client.draw import BACKGROUND, overlay
from streamseg.training.config.recipe_data import IGNORE
from streamseg.training.labelling.folder import SHEET_NAME, LabelFolder, write_file
from streamseg.training.report.html import shrunk
from streamseg.types import U8, ClassInfo

MOST_PICTURES = 12
_WIDTH = 400  # of a picture on the sheet, pixels
_TEXT_WIDTH, _LINE = 280, 20
_LEAST_SHARE = 0.0005  # of a class that is told: less would read as 0.0 %
_MOST_LETTERS = 26  # of a line
_GAP = 6
_WHITE, _FAINT = (225, 225, 225), (150, 150, 150)


def write_contact_sheet(folder: LabelFolder, classes: Sequence[ClassInfo]) -> Path:
    """Draw some of the labelled pictures, evenly spread, into the folder's contact sheet.

    Args:
        folder: At least one picture of it is labelled.
        classes: The target classes.

    Returns:
        The sheet, a PNG; replaced where there was one.

    Raises:
        TrainingError: The folder cannot be written.
    """
    done = list(folder.labelled_pictures())
    chosen = [done[index] for index in _spread(len(done), MOST_PICTURES)]
    read = [(name, cv2.imread(str(image)), cv2.imread(str(label), 0)) for name, image, label in chosen]
    rows = [
        picture_row(name, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), label.astype(np.uint8), classes)
        for name, image, label in read
        if image is not None and label is not None and image.shape[:2] == label.shape
    ]
    sheet = np.vstack([part for row in rows for part in (row, _blank(_GAP, row.shape[1]))])
    path = folder.path / SHEET_NAME
    write_file(path, cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1].tobytes())
    return path


def picture_row(name: str, image: U8, labels: U8, classes: Sequence[ClassInfo]) -> U8:
    """One picture, its labels over it (darkened where there is none), and its coverage in words.

    Args:
        name: Of the picture.
        image: RGB `[H, W, 3]`.
        labels: Class ids and 255, `[H, W]`.
        classes: The target classes.

    Returns:
        RGB, of a width that is the same for every picture.
    """
    left = _on_canvas(shrunk(image, _WIDTH))
    small = cv2.resize(labels, left.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    where = (small == IGNORE)[..., None]
    right: U8 = np.where(where, left // 4, overlay(left, small.astype(np.uint8), classes, 0.6))
    lines = coverage_lines(labels, classes)
    height = max(left.shape[0], (len(lines) + 2) * _LINE)
    canvas = _blank(height, 2 * _WIDTH + 2 * _GAP + _TEXT_WIDTH)
    canvas[: left.shape[0], :_WIDTH], canvas[: left.shape[0], _WIDTH + _GAP : 2 * _WIDTH + _GAP] = left, right
    _write(canvas, name, 0, _WHITE)
    for line, (text, color) in enumerate(lines, start=1):
        _write(canvas, text, line, _FAINT if color is None else _WHITE, color)
    return canvas


def coverage_lines(labels: U8, classes: Sequence[ClassInfo]) -> list[tuple[str, tuple[int, int, int] | None]]:
    """What a label map `[H, W]` holds: the share that has a label, and that of each class with its colour."""
    counts = np.bincount(labels.ravel(), minlength=256)
    whole = f"{100 * (1 - counts[IGNORE] / labels.size):.1f} % labelled"
    large = (info for info in classes if counts[info.id] >= _LEAST_SHARE * labels.size)
    present = sorted(large, key=lambda info: -int(counts[info.id]))
    return [
        (whole, None),
        *((f"{info.name} {100 * counts[info.id] / labels.size:.1f} %", info.color) for info in present),
    ]


def _spread(count: int, most: int) -> list[int]:
    """At most so many numbers below `count`, evenly spread, first and last among them."""
    return sorted({round(index) for index in np.linspace(0, count - 1, min(count, most)).tolist()})


def _on_canvas(picture: U8) -> U8:
    """A picture narrower than its place, on a background of that width."""
    canvas = _blank(picture.shape[0], _WIDTH)
    canvas[:, : picture.shape[1]] = picture
    return canvas


def _blank(height: int, width: int) -> U8:
    return np.full((height, width, 3), BACKGROUND, np.uint8)


def _write(
    canvas: U8, text: str, line: int, ink: tuple[int, int, int], color: tuple[int, int, int] | None = None
) -> None:
    """One line of text at the right of the pictures, a square of its class's colour before it."""
    x, y = 2 * (_WIDTH + _GAP), (line + 1) * _LINE - 5
    if color is not None:
        canvas[y - 11 : y + 1, x : x + 12] = color
        x += 18
    drawn = text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 2]}.."
    cv2.putText(canvas, drawn, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, 1, cv2.LINE_AA)
