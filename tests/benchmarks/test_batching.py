"""Batches against single frames, on a tiny package: every figure is there, and the masks are the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import batching
from benchmarks.clip import make_clip
from tests.fakes.packages import Tiny, make_package


@pytest.mark.parametrize("steady", [True, False])
def test_both_ways_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], steady: bool
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = make_package(tmp_path, Tiny(stabiliser=steady))
    clip = make_clip(tmp_path / "made.mp4", frames=12)
    asked = ["batching", str(clip), "--model", str(package.path), "--rounds", "2", "--sizes", "2", "3"]
    monkeypatch.setattr(sys, "argv", asked)
    batching.main()
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [figures["size"] for figures in found] == [2, 3]
    for figures in found:
        assert figures["alone_ms"] > 0
        assert figures["together_ms"] > 0
        assert figures["labels_agree"] > 0.99
        assert figures["least_agree"] <= figures["labels_agree"]
