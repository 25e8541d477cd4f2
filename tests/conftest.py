"""What tests of several rooms share: data that may or may not be at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# A busy machine fails no test.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def camvid() -> Path:
    """The folder with CamVid's `train`, `trainannot`, `val`, `valannot`; skips where it is not at hand."""
    data = Path(os.environ.get("STREAMSEG_DATA", ROOT.parent / "shared" / "data"))
    folder = data / "camvid"
    if not folder.is_dir():
        pytest.skip(f"CamVid is not at {folder} (set STREAMSEG_DATA to the folder that holds camvid/)")
    return folder
