"""A key, and where what is kept under it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from streamseg.inference.cache.key import CacheKey, Machine, Origin

settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
settings.load_profile("unhurried")


@pytest.fixture
def key() -> CacheKey:
    machine = Machine("tensorrt", "11.4.0.106", "NVIDIA L4", "8.9", "580.95.05")
    return CacheKey("ab" * 32, machine, "f16", "1-4", "workspace 0")


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin("tiny", tmp_path / "tiny", "segmenter")
