"""Pictures for tiny packages to be calibrated on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamseg.inference.packages.package import Package
from streamseg.types import U8
from tests.fakes.packages import make_package


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """A tiny one, with all three graphs."""
    return make_package(tmp_path / "engines")


@pytest.fixture(scope="session")
def pictures() -> list[U8]:
    """Twenty of 64×48: coarse noise, so that a class is larger than a pixel."""
    random = np.random.default_rng(5)
    coarse = random.integers(0, 230, (20, 12, 16, 3), dtype=np.uint8)
    return list(coarse.repeat(4, axis=1).repeat(4, axis=2))
