"""Flicker and confidence, on every eighth pixel."""

from __future__ import annotations

import numpy as np
import pytest

from streamseg.status.flicker import STEP_PX, FlickerMeter, confidence
from tests.status.masks import mask, plane


def test_the_share_of_pixels_that_changed() -> None:
    steadiness = FlickerMeter()
    half = plane()
    half[:, :32] = 1
    assert steadiness.flicker(mask()) is None
    assert steadiness.flicker(mask()) == 0.0
    assert steadiness.flicker(mask(labels=half)) == pytest.approx(0.5)
    assert steadiness.flicker(mask(label=1)) == pytest.approx(0.5)


def test_only_some_pixels_are_looked_at() -> None:
    steadiness = FlickerMeter()
    speck = plane()
    speck[1:STEP_PX, 1:STEP_PX] = 1
    steadiness.flicker(mask())
    assert steadiness.flicker(mask(labels=speck)) == 0.0


def test_another_scene_or_size_is_no_flicker() -> None:
    steadiness = FlickerMeter()
    steadiness.flicker(mask())
    assert steadiness.flicker(mask(label=1, reset=True)) is None
    assert steadiness.flicker(mask(label=1)) == 0.0
    assert steadiness.flicker(mask(labels=np.zeros((16, 16), np.uint8))) is None


def test_what_is_kept_is_no_view_of_the_mask() -> None:
    steadiness, labels = FlickerMeter(), plane()
    steadiness.flicker(mask(labels=labels))
    labels[:] = 1
    assert steadiness.flicker(mask(labels=labels)) == 1.0


def test_the_mean_confidence() -> None:
    assert confidence(mask()) is None
    assert confidence(mask(confidence=plane(255))) == 1.0
    assert confidence(mask(confidence=plane(51))) == pytest.approx(0.2)
