"""`streamseg` as a process of its own, with a tiny package, a cache and an end of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.packages import make_package

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def engines(tmp_path: Path) -> Path:
    """The folder of the package `tiny`."""
    return make_package(tmp_path / "engines").path


@pytest.fixture
def start(engines: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts `streamseg` with these arguments; kills what still runs at the end."""
    running: list[subprocess.Popen[str]] = []
    env = {
        **os.environ,
        "STREAMSEG_MODEL_PATH": str(engines.parent),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "streamseg", *arguments]
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()
