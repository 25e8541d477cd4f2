"""An engine's keeper with doubles of everything around it; test files with another scene have their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.bench import Bench, Engines


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Engines:
    return Engines(monkeypatch)


@pytest.fixture
def bench(engines: Engines) -> Iterator[Bench]:
    bench = Bench(engines)
    yield bench
    bench.end()
