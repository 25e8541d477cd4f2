from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from benchmarks.gpu import device
from streamseg.inference.backends.tensorrt.cuda import Device
from streamseg.inference.backends.tensorrt.driver import DriverState
from tests.fakes import pycuda


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Any:
    """pycuda's double, whose contexts are no driver's."""
    monkeypatch.setattr(device, "Device", partial(Device, pop=lambda: None))
    return pycuda


@pytest.mark.parametrize("part", [device.copies, device.threads])
def test_a_driver_that_works_is_good(part: Callable[[Any], tuple[bool, dict[str, Any]]], double: Any) -> None:
    assert part(double)[0]


def test_memory_without_end_is_not_good(monkeypatch: pytest.MonkeyPatch, double: Any) -> None:
    monkeypatch.setattr(device, "_TOO_MUCH", 1 << 10)
    assert device.full(double) == (False, {"error": None})


def test_without_a_driver_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "probe", lambda: DriverState(why_not="the driver sleeps"))
    monkeypatch.setattr("sys.argv", ["device"])
    with pytest.raises(SystemExit, match="no GPU to check: the driver sleeps"):
        device.main()
