from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from benchmarks import frames
from tests.fakes.packages import make_package


def figures(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str
) -> list[dict[str, object]]:
    monkeypatch.setattr(sys, "argv", ["frames", str(package), "--rounds", "3", *more])
    frames.main()
    machine, *rows = map(json.loads, capsys.readouterr().out.splitlines())
    assert machine["cores"] > 0
    return list(rows)


def test_each_batch_has_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = make_package(tmp_path).path
    asked = ["--backend", "onnxruntime", "--batches", "1", "2"]
    one, two = figures(path, monkeypatch, capsys, *asked)
    assert (one["backend"], one["precision"], one["batch"], two["batch"]) == ("onnxruntime", "f32", 1, 2)
    for row in (one, two):
        assert float(str(row["readout_ms"])) > 0
        assert float(str(row["stabilise_ms"])) > 0


def test_the_median_leaves_the_warm_up_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = [0.0], [0]

    def once() -> None:
        calls[0] += 1
        now[0] += 5.0 if calls[0] <= frames.WARM_UP else 0.002

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    assert frames.median_ms(once, 5) == pytest.approx(2.0)
