"""What tests of several rooms share: data that may or may not be at hand, limits, the process's own state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from hypothesis import HealthCheck, settings

from tests.process_state import process_state_kept
from tests.waiting import TIME_FACTOR, time_limit

ROOT = Path(__file__).resolve().parent.parent

# A busy machine fails no test.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)  # before pytest-timeout reads it
def pytest_configure(config: pytest.Config) -> None:
    """The limit of a whole test grows as all others do."""
    if TIME_FACTOR != 1 and not config.getoption("timeout", None):
        config.option.timeout = time_limit(float(config.getini("timeout")))


@pytest.fixture(autouse=True)
def _process_state(request: pytest.FixtureRequest) -> Iterator[None]:
    with process_state_kept(request.config.stash.get(fault_handler_stderr_fd_key, None)):
        yield


@pytest.fixture(scope="session")
def camvid() -> Path:
    """The folder with CamVid's `train`, `trainannot`, `val`, `valannot`; skips where it is not at hand."""
    data = Path(os.environ.get("STREAMSEG_DATA", ROOT.parent / "shared" / "data"))
    folder = data / "camvid"
    if not folder.is_dir():
        pytest.skip(f"CamVid is not at {folder} (set STREAMSEG_DATA to the folder that holds camvid/)")
    return folder
