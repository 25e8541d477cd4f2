"""The whole benchmark on a tiny package: it ends, names the machine, and has every figure."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import pipeline
from tests.fakes.packages import make_package
from tests.test_readme import rows
from tests.waiting import time_limit


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
    monkeypatch.setattr(pipeline, "camvid_clip", lambda: None)
    return pipeline.main()


def test_every_figure_of_the_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = make_package(tmp_path)
    out = tmp_path / "bench.json"
    asked = (
        "--model",
        str(package.path),
        "--rounds",
        "5",
        "--seconds",
        f"{time_limit(1):g}",
        "--repeats",
        "2",
    )
    assert run(monkeypatch, *asked, "--json", str(out)) == 0
    found = json.loads(out.read_text())
    assert found["machine"]["cpu"]
    assert found["path"]["exit_codes"] == [0] * 4
    figures = ("masks_per_s", "delivered_of_raw", "age_ms_p50", "rss_mb", "second_start_s", "stop_s")
    assert all(found["path"][figure] > 0 for figure in figures)
    assert "| delivered / raw |" in capsys.readouterr().out


def test_the_middle_of_each_figure() -> None:
    found = [
        {"ms": ms, "backend": "openvino", "exit_codes": [code]} for ms, code in ((3.0, 0), (1.0, 1), (2.0, 0))
    ]
    assert pipeline.middle(found) == {"ms": 2.0, "backend": "openvino", "exit_codes": [0, 1, 0]}


def test_an_engine_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--model", "nonesuch") == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("bench: ")
    assert "nonesuch" in complaint


@pytest.mark.tree
def test_readme_has_a_row_for_every_figure() -> None:
    engine = {"raw_per_s": 1.0, "segmenter_ms": 1.0, "flow_ms": 1.0}
    keys = (
        "masks_per_s",
        "delivered_of_raw",
        "age_ms_p50",
        "age_ms_p95",
        "rss_mb",
        "second_start_s",
        "stop_s",
    )
    measured = pipeline.rows(engine, dict.fromkeys(keys, 1.0))
    assert [row[0] for row in rows("Measured")] == list(measured)
