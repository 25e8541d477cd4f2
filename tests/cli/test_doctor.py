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
    for part in (
        "numpy ",
        "processor ",
        "backend openvino ",
        "backend onnxruntime ",
        "engine tiny ",
        "cache ",
    ):
        assert f"\n{part}" in told
    assert "64x48, 5 classes, with stabiliser" in told
    assert "CC0-1.0" in told


def test_it_fails_where_the_daemon_could_not_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = [BackendReport("openvino", usable=False, version="", why_not="no such library", precisions=())]
    monkeypatch.setattr(doctor, "usable_backends", lambda: reports)
    monkeypatch.setattr(doctor, "find_packages", list)
    assert main(["doctor"]) == 1
    told = capsys.readouterr()
    assert "no: no such library" in told.out
    assert "no backend is usable and there is no model package" in told.err
    assert told.err.count("\n") == 1


def test_features_are_read_from_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("flags : fpu avx2 avx512_bf16x sse")
    assert doctor.cpu_features(tmp_path / "cpuinfo") == ["avx2"]
    assert doctor.cpu_features(tmp_path / "missing") == []


def test_a_cache_that_cannot_be_written_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STREAMSEG_ENGINES", str(make_package(tmp_path / "e").path.parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    assert main(["doctor"]) == 0
    assert "not writable: every start compiles again" in capsys.readouterr().out
