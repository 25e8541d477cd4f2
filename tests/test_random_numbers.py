"""A test draws the same random numbers whatever ran before it."""

from __future__ import annotations

import random

import numpy as np
import pytest

RANDOM = np.random.default_rng(7)
FIRST = (0.8444218515250481, 0.5488135039273248, 0.6369616873214543)


@pytest.mark.parametrize("draws", [1, 3])
def test_what_others_drew_does_not_matter(draws: int) -> None:
    drawn = [(random.random(), float(np.random.rand()), float(RANDOM.random())) for _ in range(draws)]  # noqa: NPY002
    assert drawn[0] == pytest.approx(FIRST)
