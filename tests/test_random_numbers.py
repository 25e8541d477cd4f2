"""A test draws the same random numbers whatever ran before it."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

RANDOM = np.random.default_rng(7)


FIRST = (0.8444218515250481, 0.5488135039273248, 0.6369616873214543, 0.49625658988952637)


@pytest.mark.parametrize("draws", [1, 3])
def test_what_others_drew_does_not_matter(draws: int) -> None:
    drawn = [
        (random.random(), float(np.random.rand()), float(RANDOM.random()), float(torch.rand(())))  # noqa: NPY002
        for _ in range(draws)
    ]
    assert drawn[0] == pytest.approx(FIRST)
