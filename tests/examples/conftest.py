"""A tiny package and a made clip for the programs to work with."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.clip import make_clip
from tests.fakes.packages import make_package


@pytest.fixture(scope="session")
def tiny_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("engines")).path


@pytest.fixture(scope="session")
def made_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "made.mp4", frames=30)
