"""`streamseg config`: check, show, schema, reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from streamseg.cli import main
from streamseg.config.json_schema import json_schema
from streamseg.config.reference import reference
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


def test_what_holds_is_shown_without_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "hush")
    path = tmp_path / "c.yaml"
    path.write_text("defaults: {ema: 0.25}\nstreams: {gate: {source: 'rtsp://u:${PASSWORD}@h/x'}}")
    assert main(["config", "show", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "hush" not in shown
    assert yaml.safe_load(shown)["streams"]["gate"]["ema"] == 0.25


def test_what_is_no_configuration_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("streams: {gate: {source: a.mp4, ema: 3}}")
    assert main(["config", "show", str(path)]) == 78
    assert "streams.gate.ema: must be less than 1" in capsys.readouterr().err


def test_reference_and_schema_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "reference"]) == 0
    assert capsys.readouterr().out == reference()
    assert main(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()
