"""Tiny packages on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.inference.packages.package import Package
from tests.fakes.packages import make_package


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """A sound package with all three graphs."""
    return make_package(tmp_path)
