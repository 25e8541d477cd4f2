"""Measuring what the page costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import watching
from benchmarks.watching import MODES, board_us, measure, medians, offering_us


def test_the_middle_of_the_turns() -> None:
    assert medians([{"a": 1.0}, {"a": 9.0}, {"a": 2.0}]) == {"a": 2.0}


def test_the_offering_thread_is_measured() -> None:
    assert board_us(10) > 0
    assert 0 <= offering_us(watched=False, count=3) < 1e5


def test_every_mode_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []

    def run(clip: Path, mode: str, engine: str, seconds: float) -> dict[str, float]:
        turns.append(mode)
        return {"masks_per_s": 10.0 + len(turns)}

    monkeypatch.setattr(watching, "run", run)
    monkeypatch.setattr(watching, "offering_us", lambda **_: 1.0)
    monkeypatch.setattr(watching, "board_us", lambda _: 2.0)
    found = measure(Path("clip.mp4"), "camvid-lite0", 1.0, 2)
    assert turns == ["none", *MODES, *MODES]
    assert found["idle"] == {"masks_per_s": 14.5}
    assert json.dumps(found)
