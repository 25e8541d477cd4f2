"""`streamseg engine`: packages listed, described, verified."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.cli import main
from streamseg.errors import EngineError
from streamseg.inference import package, select
from streamseg.inference.backend import BackendReport
from streamseg.inference.manifest import dump_manifest, load_manifest
from tests.fakes.packages import make_package


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAMSEG_ENGINES", str(tmp_path / "engines"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return make_package(tmp_path / "engines").path


def test_list_and_info(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engine", "list"]) == 0
    assert "tiny 1" in capsys.readouterr().out
    assert main(["engine", "info", "tiny"]) == 0
    told = capsys.readouterr().out
    assert str(engines) in told
    assert "licence" in told
    assert "classes  0 " in told


def test_no_package_is_told_with_the_folders(
    engines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(package, "find_packages", list)
    assert main(["engine", "list"]) == 78
    assert capsys.readouterr().err.startswith(f"streamseg: no model package in {engines.parent}")


def test_info_tells_what_was_measured(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = engines / "model.yaml"
    measured = {"convgru": {"miou": 0.625, "split": "val"}}
    dump_manifest(load_manifest(path).model_copy(update={"metrics": measured}), path)
    assert main(["engine", "info", "tiny"]) == 0
    assert "measured convgru: miou 0.625\n" in capsys.readouterr().out


def test_a_package_that_is_not_sound_is_listed_as_such(
    engines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (engines / "model.yaml").write_text("name: 3")
    assert main(["engine", "list"]) == 0
    assert "tiny: not usable" in capsys.readouterr().out


def test_verify_runs_it_everywhere(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engine", "verify", str(engines)]) == 0
    told = capsys.readouterr().out
    assert "openvino: runs in" in told
    assert "onnxruntime: runs in f32" in told


def fails(_: object, backend: str) -> None:
    raise EngineError(f"{backend} is out of order")


def test_verify_names_the_backends_it_does_not_run_on(
    engines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(select, "load_engine", fails)
    assert main(["engine", "verify", "tiny"]) == 78
    told = capsys.readouterr().err
    assert "onnxruntime: onnxruntime is out of order" in told
    assert "tiny does not run on openvino, onnxruntime" in told


def test_verify_without_a_backend_proves_nothing(
    engines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = [BackendReport("openvino", usable=False, version="", why_not="no such library", precisions=())]
    monkeypatch.setattr(select, "usable_backends", lambda: reports)
    assert main(["engine", "verify", "tiny"]) == 1
    told = capsys.readouterr()
    assert "openvino: not usable: no such library" in told.out
    assert "no backend is usable here" in told.err


def test_verify_finds_a_flipped_byte(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = engines / "segmenter.onnx"
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)
    assert main(["engine", "verify", "tiny"]) == 78
    assert "segmenter.onnx" in capsys.readouterr().err


def test_an_unknown_name_suggests_another(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engine", "info", "tinny"]) == 78
    assert "tiny" in capsys.readouterr().err
