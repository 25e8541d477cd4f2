from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamseg.cli import main
from streamseg.inference.backends import registry
from tests.fakes.int8 import add_int8
from tests.fakes.packages import make_package


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAMSEG_MODEL_PATH", str(tmp_path / "engines"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "streamseg" / "precision.json"


def test_it_times_what_the_package_allows_and_remembers(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_int8(make_package(tmp_path / "engines"))
    assert main(["model", "tune", "tiny", "--json", "--threads", "1"]) == 0
    found = {one["backend"]: one for one in json.loads(capsys.readouterr().out)}
    assert set(found) == {"openvino", "onnxruntime"}
    for one in found.values():
        assert {"f32", "int8"} <= set(one["segmenter_ms"])
        assert one["precision"] in one["segmenter_ms"]
    before = json.loads(cache.read_text())
    cache.write_text(json.dumps({key: dict.fromkeys(times, 1e6) for key, times in before.items()}))
    assert main(["model", "tune", "tiny", "--threads", "1"]) == 0
    assert "just measured" in capsys.readouterr().out
    after = json.loads(cache.read_text())
    assert {name for times in after.values() for name, ms in times.items() if ms < 1e6} >= {"f32", "int8"}


def test_it_says_why_int8_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_int8(make_package(tmp_path / "engines"), loss=0.7, allowed=0.5)
    elsewhere = str(tmp_path / "elsewhere")
    assert main(["model", "tune", "tiny", "--threads", "1", "--cache-dir", elsewhere]) == 0
    assert "int8 was skipped: it costs 0.7 points, 0.5 are allowed" in capsys.readouterr().out


def test_without_a_backend_nothing_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_package(tmp_path / "engines")
    monkeypatch.setattr(registry, "_MODULES", {"openvino": "streamseg.no_such_module"})
    assert main(["model", "tune", "tiny"]) == 1
    assert "backend openvino is not usable: No module named" in capsys.readouterr().err
