"""What label files hold, counted."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from streamseg.training.config.recipe_data import SplitRecipe
from streamseg.training.data.labels import Labelling
from streamseg.training.data.statistics import collect_statistics, palette_fault


def test_pixels_are_counted_as_they_are_read(pictures: Path) -> None:
    split = SplitRecipe.model_validate(str(pictures / "val"))
    plain = collect_statistics(split, Labelling(3, (9,)))
    assert (plain.pictures, plain.problems, dict(plain.strange)) == (3, [], {})
    assert plain.pixels.sum() == 3 * 64 * 48
    assert plain.pixels[255] == 3 * 16
    merged = collect_statistics(split, Labelling(4, (9,), {0: 0, 1: 3, 2: 3}))
    assert merged.pixels[3] == plain.pixels[1] + plain.pixels[2]


def test_what_cannot_be_read_is_told_and_the_rest_counted(pictures: Path) -> None:
    (pictures / "val/labels/00.png").write_bytes(b"no picture")
    cv2.imwrite(str(pictures / "val/labels/01.png"), np.full((48, 64), 77, np.uint8))
    found = collect_statistics(SplitRecipe.model_validate(str(pictures / "val")), Labelling(3, (9,)))
    assert found.problems == [f"{pictures}/val/labels/00.png: cannot be decoded"]
    assert found.strange["label id 77"] == {"01.png": 64 * 48}
    assert found.pixels.sum() == 64 * 48


def test_ids_have_no_palette(pictures: Path) -> None:
    assert palette_fault(pictures / "val/labels/00.png", Labelling(3, (9,))) is None
