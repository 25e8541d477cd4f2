"""Measuring what the page costs."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import page_overhead
from benchmarks.page_overhead import MODES, board_us, measure, medians, offering_us
from streamseg.status.registry import StatusRegistry
from streamseg.status.web.server import StatusServer


def test_the_middle_of_the_turns() -> None:
    assert medians([{"a": 1.0}, {"a": 9.0}, {"a": 2.0}]) == {"a": 2.0}


def test_the_offering_thread_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock costs a microsecond, and taking a mask in five."""
    now_us = itertools.count()
    clock = SimpleNamespace(thread_time=lambda: next(now_us) * 1e-6, sleep=lambda _: None)
    monkeypatch.setattr(page_overhead, "time", clock)

    def take(*_: object) -> None:
        for _tick in range(5):
            next(now_us)

    monkeypatch.setattr(StatusRegistry, "mask", take)
    monkeypatch.setattr(StatusServer, "offer", take)
    assert board_us(10) == pytest.approx((10 * 5 + 1) / 10)
    assert offering_us(watched=False, count=3) == pytest.approx(5)


def test_every_mode_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []

    def run(clip: Path, mode: str, model: str, seconds: float) -> dict[str, float]:
        turns.append(mode)
        return {"masks_per_s": 10.0 + len(turns)}

    monkeypatch.setattr(page_overhead, "run", run)
    monkeypatch.setattr(page_overhead, "offering_us", lambda **_: 1.0)
    monkeypatch.setattr(page_overhead, "board_us", lambda _: 2.0)
    found = measure(Path("clip.mp4"), "camvid-lite0", 1.0, 2)
    assert turns == ["none", *MODES, *MODES]
    assert found["idle"] == {"masks_per_s": 14.5}
    assert json.dumps(found)
