"""`streamseg model`: packages listed, described, verified."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.cli import main
from streamseg.errors import EngineError
from streamseg.inference.backend import BackendReport
from streamseg.inference.backends import registry
from streamseg.inference.packages import package
from streamseg.inference.packages.manifest import dump_manifest, load_manifest
from tests.fakes.hostile import KINDS, UNHASHED, make_hostile
from tests.fakes.packages import make_package


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAMSEG_MODEL_PATH", str(tmp_path / "engines"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return make_package(tmp_path / "engines").path


def test_list_and_info(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "list"]) == 0
    assert "tiny 1" in capsys.readouterr().out
    assert main(["model", "info", "tiny"]) == 0
    told = capsys.readouterr().out
    assert str(engines) in told
    assert "licence" in told
    assert "classes  0 " in told


def test_no_package_is_told_with_the_folders(
    engines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(package, "find_packages", list)
    assert main(["model", "list"]) == 78
    assert capsys.readouterr().err.startswith(f"streamseg: no model package in {engines.parent}")


def test_info_tells_what_was_measured(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = engines / "model.yaml"
    measured = {"convgru": {"miou": 0.625, "split": "val"}}
    dump_manifest(load_manifest(path).model_copy(update={"metrics": measured}), path)
    assert main(["model", "info", "tiny"]) == 0
    assert "measured convgru: miou 0.625\n" in capsys.readouterr().out


def test_a_package_that_is_not_sound_is_listed_as_such(
    engines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (engines / "model.yaml").write_text("name: 3")
    assert main(["model", "list"]) == 0
    assert "tiny: not usable" in capsys.readouterr().out


def test_verify_runs_it_everywhere(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "verify", str(engines)]) == 0
    told = capsys.readouterr().out
    assert "openvino: runs in" in told
    assert "onnxruntime: runs in f32" in told


def test_verify_has_one_line_for_all_that_is_not_here(
    engines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = [
        BackendReport("tensorrt", usable=False, version="", why_not="no driver", precisions=()),
        BackendReport("onnxruntime", usable=True, version="1", why_not="", precisions=("f32",)),
        BackendReport("onnxruntime-cuda", usable=False, version="", why_not="no provider", precisions=()),
    ]
    monkeypatch.setattr(registry, "usable_backends", lambda: reports)
    assert main(["model", "verify", "tiny"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "tiny: 3 graphs, hashes as in the manifest",
        "onnxruntime: runs in f32",
        "not usable here: tensorrt, onnxruntime-cuda (streamseg doctor says why)",
    ]


@pytest.mark.parametrize("kind", ["laughs", "escapes", "graph-fifo", "graph-elsewhere", "no-onnx"])
@pytest.mark.parametrize("command", ["info", "verify"])
def test_a_hostile_package_is_a_line_a_mistake(
    engines: Path, kind: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_hostile(engines.parent, kind)
    found = main(["model", command, kind])
    assert found == (0 if (kind, command) == ("no-onnx", "info") else 78)
    told = capsys.readouterr()
    lines = (told.out + told.err).splitlines()
    assert all(line.isprintable() for line in lines)
    assert any(str(path) in line for line in lines)


def test_hostile_packages_cost_no_other_in_a_list(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in KINDS:
        make_hostile(engines.parent, kind)
    assert main(["model", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.isprintable() for line in lines)
    assert sum(line.startswith("tiny 1  64x48") for line in lines) == 1
    for kind in set(KINDS) - UNHASHED:
        (line,) = [line for line in lines if line.startswith(f"{kind}: ")]
        assert line.startswith(f"{kind}: not usable: {engines.parent / kind}/")


def test_what_a_manifest_says_does_nothing_to_a_terminal(
    engines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = engines / "model.yaml"
    measured = {"a\x1b[2Jb": {"mi\u202eou": 0.5}}
    dump_manifest(load_manifest(path).model_copy(update={"metrics": measured}), path)
    assert main(["model", "info", "tiny"]) == 0
    assert r"measured a\x1b[2Jb: mi\u202eou 0.5" in capsys.readouterr().out


def fails(_: object, backend: str) -> None:
    raise EngineError(f"{backend} is out of order")


def test_verify_names_the_backends_it_does_not_run_on(
    engines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "load_engine", fails)
    assert main(["model", "verify", "tiny"]) == 78
    told = capsys.readouterr().err
    assert "onnxruntime: onnxruntime is out of order" in told
    assert "tiny does not run on openvino, onnxruntime" in told


def test_verify_without_a_backend_proves_nothing(
    engines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = [BackendReport("openvino", usable=False, version="", why_not="no such library", precisions=())]
    monkeypatch.setattr(registry, "usable_backends", lambda: reports)
    assert main(["model", "verify", "tiny"]) == 1
    told = capsys.readouterr()
    assert "not usable here: openvino (streamseg doctor says why)" in told.out
    assert "no backend is usable here" in told.err


def test_verify_finds_a_flipped_byte(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = engines / "segmenter.onnx"
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)
    assert main(["model", "verify", "tiny"]) == 78
    assert "segmenter.onnx" in capsys.readouterr().err


def test_an_unknown_name_suggests_another(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "info", "tinny"]) == 78
    assert "tiny" in capsys.readouterr().err
