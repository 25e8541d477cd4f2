"""A hard cut is told from everything that only looks like one."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamseg.temporal.reset import ResetLimits
from streamseg.temporal.scene_cut import dissimilarity
from streamseg.types import U8
from tests.temporal.conftest import scene, view

LIMIT = ResetLimits().scene_cut


@pytest.mark.parametrize(
    ("dx", "dy", "zoom"), [(0, 0, 1.0), (3, 1, 1.0), (12, -6, 1.0), (24, 10, 1.0), (4, 4, 1.1)]
)
def test_a_pan_or_zoom_is_no_cut(place: U8, dx: int, dy: int, zoom: float) -> None:
    assert dissimilarity(view(place, 60, 60), view(place, 60 + dx, 60 + dy, zoom=zoom)) < LIMIT


@pytest.mark.parametrize(("gain", "offset"), [(1.6, 40), (0.35, 0), (1.0, 60), (0.8, -20)])
def test_a_flash_or_a_change_of_exposure_is_no_cut(place: U8, gain: float, offset: float) -> None:
    before, after = view(place, 60, 60), view(place, 62, 60)
    lit = np.clip(after.astype(np.float32) * gain + offset, 0, 255).astype(np.uint8)
    assert dissimilarity(before, lit) < LIMIT


@pytest.mark.parametrize("grey", [0, 120, 255])
def test_somebody_walking_by_close_is_no_cut(place: U8, grey: int) -> None:
    before = view(place, 60, 60)
    after = before.copy()
    after[40:, 80:150] = grey
    assert dissimilarity(before, after) < LIMIT


def test_noise_is_no_cut(place: U8) -> None:
    random = np.random.default_rng(0)
    before, after = (
        np.clip(view(place, 60, 60) + random.normal(0, 25, (180, 240)), 0, 255).astype(np.uint8)
        for _ in range(2)
    )
    assert dissimilarity(before, after) < LIMIT


@pytest.mark.parametrize("gain", [1.0, 0.35])
def test_cuts_are_found(gain: float) -> None:
    views = [cv2.convertScaleAbs(view(scene(seed), 60, 60), alpha=gain) for seed in range(20)]
    found = [dissimilarity(before, now) > LIMIT for before, now in combinations(views, 2)]
    assert np.mean(found) >= 0.9


def test_a_picture_after_a_covered_lens_is_one(place: U8) -> None:
    random = np.random.default_rng(0)
    covered = random.integers(0, 12, (180, 240), dtype=np.uint8)
    covered[:, :120] += 4
    assert dissimilarity(covered, view(place, 60, 60)) > LIMIT


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_blank_pictures_do_not_divide_by_zero(place: U8, grey: int) -> None:
    blank = np.full((180, 240), grey, np.uint8)
    assert dissimilarity(blank, blank) == 0.0
    assert 0.0 <= dissimilarity(blank, view(place, 60, 60)) <= 1.0


def test_it_is_a_share(place: U8) -> None:
    assert 0.0 <= dissimilarity(view(place, 0, 0), view(place, 120, 120)) <= 1.0


@pytest.mark.data
def test_a_drive_has_no_cuts(camvid: Path) -> None:
    pictures = [
        cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted((camvid / "val").glob("*.png"))
    ]
    lumas = [cv2.resize(picture, (240, 180), interpolation=cv2.INTER_AREA) for picture in pictures]
    assert len(lumas) > 90
    assert max(dissimilarity(before, now) for before, now in pairwise(lumas)) < LIMIT
