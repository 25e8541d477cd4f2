"""The engine alone, on a tiny package: every figure is there, whatever its size."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import engine_only
from benchmarks.clip import make_clip
from tests.fakes.packages import Tiny, make_package


@pytest.mark.parametrize("steady", [True, False])
def test_every_figure_of_the_engine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], steady: bool
) -> None:
    package = make_package(tmp_path, Tiny(stabiliser=steady))
    clip = make_clip(tmp_path / "made.mp4", frames=4)
    asked = ["raw", str(clip), "--model", str(package.path), "--rounds", "3"]
    monkeypatch.setattr(sys, "argv", asked)
    engine_only.main()
    found = json.loads(capsys.readouterr().out)
    figures = {"raw_per_s", "segmenter_ms", "flow_ms"} | ({"stabiliser_ms"} if steady else set())
    assert all(found[figure] > 0 for figure in figures)
    assert set(found) == figures | {"model", "backend", "precision"}
