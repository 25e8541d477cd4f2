"""`streamseg doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.cli import doctor, main
from streamseg.inference.backend import BackendReport
from tests.fakes.packages import make_package


def test_it_tells_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STREAMSEG_ENGINES", str(make_package(tmp_path / "e").path.parent))
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    for part in ("numpy", "backend    openvino: ", "backend    onnxruntime: ", "engine     tiny 1", "cache"):
        assert part in told


def test_it_fails_where_the_daemon_could_not_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = [BackendReport("openvino", usable=False, version="", why_not="no such library", precisions=())]
    monkeypatch.setattr(doctor, "usable_backends", lambda: reports)
    monkeypatch.setattr(doctor, "find_packages", list)
    assert main(["doctor"]) == 78
    told = capsys.readouterr()
    assert "openvino: no: no such library" in told.out
    assert "no backend and no model package" in told.err


def test_features_are_read_from_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("flags : fpu avx2 avx512_bf16x sse")
    assert doctor.cpu_features(tmp_path / "cpuinfo") == ["avx2"]
    assert doctor.cpu_features(tmp_path / "missing") == []
