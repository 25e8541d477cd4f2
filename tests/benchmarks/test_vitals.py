"""A look at this very process, and the line through looks."""

from __future__ import annotations

import math
import os
import threading
from pathlib import Path

import pytest

from benchmarks.vitals import Vitals, after, look, slope_per_h


def test_a_look_sees_what_is_held(tmp_path: Path) -> None:
    before = look(os.getpid(), 1.0)
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait)
    with (tmp_path / "file").open("w", encoding="utf-8"):
        thread.start()
        now = look(os.getpid(), 2.0)
    leave.set()
    thread.join()
    assert (now.fds - before.fds, now.threads - before.threads) == (1, 1)
    assert 10 < now.rss_mb < 100_000


def test_growth_is_told_by_the_hour() -> None:
    assert slope_per_h([0, 1800, 3600], [100, 101, 102]) == pytest.approx(2)
    assert math.isnan(slope_per_h([0], [1]))


def test_the_warm_up_does_not_count() -> None:
    seen = [Vitals(at_s, 1.0, 1, 1) for at_s in (0.0, 9.9, 10.0)]
    assert [one.at_s for one in after(seen, 10.0)] == [10.0]
