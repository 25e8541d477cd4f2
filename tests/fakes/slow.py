"""A backend that must build before it can load, as TensorRT must, without a library.

Registered by `register`; in the process of the builder, `python -m tests.fakes.slow ORDER`, by itself.
`$SLOW_FATE` says what becomes of that one; where `$SLOW_GATE` names a file, it first waits for it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from streamseg.errors import EngineError, PackageError
from streamseg.inference import build_child
from streamseg.inference.backend import BackendReport, Progress, Settings
from streamseg.inference.backends import registry
from streamseg.inference.cache.key import CacheKey, Machine
from streamseg.inference.cache.store import CompileCache
from streamseg.inference.engine import EngineInfo
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package
from tests.fakes.engine import FakeEngine
from tests.waiting import wait_for

NAME = "slow"
COMMAND = (sys.executable, "-m", "tests.fakes.slow")
STEPS = 3


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it the backend `slow`, for the rest of the test."""
    monkeypatch.setitem(registry._MODULES, NAME, __name__)


def report() -> BackendReport:
    return BackendReport(NAME, usable=True, version="1", why_not="", precisions=("f32",))


def machine() -> Machine:
    return Machine(NAME, "1", "fake device")


def missing(package: Package, settings: Settings) -> tuple[str, ...]:
    store = CompileCache(settings.cache)
    return tuple(role for role in package.engine_graphs if store.load(_key(package, role)) is None)


def load(package: Package, settings: Settings) -> FakeEngine:
    if lacking := missing(package, settings):
        raise EngineError(f"not built: {', '.join(lacking)}")
    return FakeEngine(package)


def build(package: Package, settings: Settings, progress: Progress) -> EngineInfo:
    store = CompileCache(settings.cache, strict=True)
    for role in package.engine_graphs:

        def make(role: GraphRole = role) -> bytes:
            for step in range(STEPS + 1):
                progress(role, step, STEPS)
            _meet_fate(os.environ.get("SLOW_FATE", ""))
            return b"plan"

        store.obtain(_key(package, role), package.origin(role), make, bytes, bytes)
    return EngineInfo(NAME, "f32", "fake device", "1", "asked for by a test")


def _key(package: Package, role: GraphRole) -> CacheKey:
    return CacheKey(package.graphs[role].sha256, machine(), "f32", "1")


def _meet_fate(fate: str) -> None:
    if gate := os.environ.get("SLOW_GATE"):
        wait_for(Path(gate).exists, 60)
    os.write(1, b"a library that prints\n")
    os.write(2, f"first words\nlast words before {fate}\n".encode())
    match fate:
        case "segfault":
            signal.signal(signal.SIGSEGV, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGSEGV)
        case "too little memory":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(3)
        case "bug":
            raise ZeroDivisionError
        case "engine":
            raise EngineError("it does not compile")
        case "package":
            raise PackageError("no graph for me")


if __name__ == "__main__":
    registry._MODULES[NAME] = "tests.fakes.slow"
    sys.exit(build_child.main(sys.argv[1:]))
