"""`streamseg config check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.cli import main
from tests.conftest import ROOT


def test_a_sound_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("streams: {gate: {source: a.mp4}, yard: {source: b.mp4}}")
    assert main(["config", "check", str(path)]) == 0
    assert "fine; streams: gate, yard" in capsys.readouterr().out


def test_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "/nowhere.yaml"]) == 78
    assert "/nowhere.yaml: cannot be read" in capsys.readouterr().err


def test_every_mistake_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("engine:\n  precision: f8\nstreams:\n  gate: {source: a.mp4, temporl: ema}\n")
    assert main(["config", "check", str(path)]) == 78
    first, second = capsys.readouterr().err.splitlines()
    assert f"{path}:2: engine.precision" in first
    assert f"{path}:4: streams.gate.temporl" in second
    assert "did you mean 'temporal'" in second


@pytest.mark.parametrize("content", [b"streams: [", b"\xff\xfe\x00", b""])
def test_what_is_no_configuration_is_no_traceback(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    assert main(["config", "check", str(path)]) == 78
    assert capsys.readouterr().err.startswith(f"streamseg: {path}")


@pytest.mark.tree
def test_the_shipped_configuration_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_PASSWORD", "secret")
    assert main(["config", "check", str(ROOT / "configs" / "streamseg.yaml")]) == 0
