"""The contact sheet shows pictures, labels in their colours, and what is not labelled dark."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from streamseg.training.labelling.contact_sheet import coverage_lines, picture_row, write_contact_sheet
from streamseg.training.labelling.folder import LabelFolder
from streamseg.types import ClassInfo
from tests.training.labelling.test_folder import SETTINGS, fill, picture

CLASSES = [
    ClassInfo(0, "ground", (90, 90, 90)),
    ClassInfo(1, "disc", (230, 0, 60)),
    ClassInfo(2, "bar", (0, 0, 9)),
]


def test_a_row_shows_the_picture_and_its_labels_beside() -> None:
    image = np.full((100, 400, 3), 200, np.uint8)
    labels = np.full((100, 400), 255, np.uint8)
    labels[:, :200] = 1
    row = picture_row("a picture whose name is far too long for its place", image, labels, CLASSES)
    assert row[50, 100].tolist() == [200, 200, 200]
    assert row[50, 506].tolist() == [218, 80, 116]  # 60 % of the class's colour
    assert row[50, 706].tolist() == [50, 50, 50]
    other = picture_row("b", np.full((480, 640, 3), 9, np.uint8), np.zeros((480, 640), np.uint8), CLASSES)
    assert other.shape[1] == row.shape[1]
    small = picture_row("c", np.full((20, 30, 3), 9, np.uint8), np.zeros((20, 30), np.uint8), CLASSES)
    assert small.shape[1] == row.shape[1]


def test_coverage_is_told_the_largest_first() -> None:
    labels = np.array([[1, 1, 1, 0], [255, 255, 0, 1]], np.uint8)
    assert coverage_lines(labels, CLASSES) == [
        ("75.0 % labelled", None),
        ("disc 50.0 %", (230, 0, 60)),
        ("ground 25.0 %", (90, 90, 90)),
    ]


def test_of_many_pictures_some_are_shown(tmp_path: Path) -> None:
    few = fill(tmp_path / "few", {str(n): picture(tmp_path / "in", f"{n}.png", n) for n in range(3)})
    many = fill(tmp_path / "many", {str(n): picture(tmp_path / "in", f"{n}.png", n) for n in range(30)})
    heights = [cv2.imread(str(write_contact_sheet(one, CLASSES))).shape[0] for one in (few, many)]
    assert heights[1] == 4 * heights[0], "12 rows, and 3"


def test_a_picture_that_was_changed_since_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path / "out", {str(n): picture(tmp_path / "in", f"{n}.png", n) for n in range(2)}).save()
    (tmp_path / "out/images/1.png").write_bytes(b"")
    folder = LabelFolder(tmp_path / "out", SETTINGS)
    assert cv2.imread(str(write_contact_sheet(folder, CLASSES))) is not None
