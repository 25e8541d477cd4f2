"""Every test has a driver of its own."""

from __future__ import annotations

import pytest

from tests.fakes import pycuda


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> pycuda.World:
    """What the driver's double knows."""
    fresh = pycuda.World()
    monkeypatch.setattr(pycuda, "world", fresh)
    return fresh
