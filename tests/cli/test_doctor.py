"""`streamseg doctor`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from streamseg.cli import doctor, main
from streamseg.inference.backend import BackendReport
from streamseg.inference.backends import registry
from streamseg.inference.packages import package
from tests.fakes.hostile import make_hostile
from tests.fakes.packages import make_package


def test_it_tells_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STREAMSEG_MODEL_PATH", str(make_package(tmp_path / "e").path.parent))
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    for part in (
        "numpy ",
        "processor ",
        "backend openvino ",
        "backend onnxruntime ",
        "model tiny ",
        "cache ",
    ):
        assert f"\n{part}" in told
    assert "64x48, 5 classes, with stabiliser" in told
    assert "CC0-1.0" in told


NO_BACKEND = [BackendReport("openvino", usable=False, version="", why_not="no such library", precisions=())]


def test_without_a_package_it_fails_as_the_daemon_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(package, "find_packages", list)
    monkeypatch.setattr(package, "search_path", lambda: [tmp_path])
    assert main(["doctor"]) == 78
    told = capsys.readouterr()
    assert f"none in {tmp_path}" in told.out
    assert "the daemon cannot run here: there is no model package" in told.err


def test_a_package_that_is_not_sound_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = package.FoundPackage(tmp_path / "tiny", None, "no licence")
    monkeypatch.setattr(package, "find_packages", lambda: [broken])
    assert main(["doctor"]) == 78
    assert "tiny: not usable: no licence" in capsys.readouterr().out


def test_without_a_backend_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STREAMSEG_MODEL_PATH", str(make_package(tmp_path / "e").path.parent))
    monkeypatch.setattr(registry, "usable_backends", lambda: NO_BACKEND)
    assert main(["doctor"]) == 1
    assert "the daemon cannot run here: no backend is usable; see above" in capsys.readouterr().err


def test_without_either_both_are_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "usable_backends", lambda: NO_BACKEND)
    monkeypatch.setattr(package, "find_packages", list)
    assert main(["doctor"]) == 78
    told = capsys.readouterr()
    assert "no: no such library" in told.out
    assert "no backend is usable and there is no model package" in told.err
    assert told.err.count("\n") == 1


def test_a_library_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setenv("STREAMSEG_MODEL_PATH", str(make_package(tmp_path / "e").path.parent))
    monkeypatch.setattr(doctor, "version", version)
    assert main(["doctor"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "zstandard not installed" in lines
    assert "torch not installed (only the trainer needs it)" in lines


def onnx_runtimes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    installed: dict[str, str],
) -> list[str]:
    """What it says of these builds of ONNX Runtime, a line each."""

    def version(name: str) -> str:
        if name.startswith("onnxruntime") and name not in installed:
            raise PackageNotFoundError(name)
        return installed.get(name, "1")

    monkeypatch.setenv("STREAMSEG_MODEL_PATH", str(make_package(tmp_path / "e").path.parent))
    monkeypatch.setattr(doctor, "version", version)
    assert main(["doctor"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line.startswith("onnxruntime")]


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"onnxruntime": "1.32.0"}, ["onnxruntime 1.32.0"]),
        ({"onnxruntime-gpu": "1.31.1"}, ["onnxruntime-gpu 1.31.1"]),
        ({}, ["onnxruntime not installed"]),
    ],
)
def test_the_build_of_onnx_runtime_has_its_own_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    installed: dict[str, str],
    expected: list[str],
) -> None:
    assert onnx_runtimes(tmp_path, monkeypatch, capsys, installed) == expected


def test_several_builds_of_onnx_runtime_are_one_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = {"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.31.1"}
    told = onnx_runtimes(tmp_path, monkeypatch, capsys, both)
    more = "(one of several: uninstall all of them, then install one)"
    assert told == [f"onnxruntime 1.32.0 {more}", f"onnxruntime-gpu 1.31.1 {more}"]


def test_a_cache_that_cannot_be_written_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STREAMSEG_MODEL_PATH", str(make_package(tmp_path / "e").path.parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    assert main(["doctor"]) == 0
    assert "not writable: every start compiles again" in capsys.readouterr().out


def test_hostile_packages_cost_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_package(tmp_path)
    for kind in ("laughs", "manifest-fifo", "graph-sparse", "escapes", "graph-missing"):
        make_hostile(tmp_path, kind)
    monkeypatch.setenv("STREAMSEG_MODEL_PATH", str(tmp_path))
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("model tiny ") and "64x48" in line for line in lines)
    assert sum("not usable: " in line and str(tmp_path) in line for line in lines) == 5
    assert all(line.isprintable() for line in lines)
