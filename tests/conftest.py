"""What tests of several rooms share: data that may or may not be at hand, limits, the process's own state."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from hypothesis import HealthCheck, settings

from tests import long_tier
from tests.process_state import hear_terminal_signals, process_state_kept
from tests.waiting import TIME_FACTOR, time_limit

ROOT = Path(__file__).resolve().parent.parent

# A busy machine fails no test.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make test-long` may be told."""
    parser.addoption("--long-again", action="store_true", help="run long tests also where they passed before")


@pytest.hookimpl(tryfirst=True)  # before pytest-timeout reads it
def pytest_configure(config: pytest.Config) -> None:
    """The limit of a whole test grows as all others do; signals are heard however pytest was started."""
    hear_terminal_signals()
    if TIME_FACTOR != 1 and not config.getoption("timeout", None):
        config.option.timeout = time_limit(float(config.getini("timeout")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked `long` run with `-m long` alone."""
    long_tier.select(config, items, long_tier.Results())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The same random numbers for a test whatever ran before it, from a module's own `RANDOM` too."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  what is drawn without a generator
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    own = getattr(getattr(item, "module", None), "RANDOM", None)
    if isinstance(own, np.random.Generator):
        own.bit_generator.state = np.random.default_rng(0).bit_generator.state


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a long test comes to is remembered."""
    report = yield
    long_tier.remember(item, report, long_tier.Results())
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The last results of the long tests, also of those that were not run now."""
    if long_tier.asked_for(config):
        terminalreporter.section("long tests")
        for line in long_tier.Results().lines():
            terminalreporter.write_line(line)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> long_tier.Rounds:
    """For a long test that does something many times: see `tests/long_tier.py`."""
    return long_tier.Rounds(long_tier.Results(), request.node.nodeid, long_tier.tree())


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
