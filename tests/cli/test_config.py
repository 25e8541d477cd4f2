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


@pytest.fixture(autouse=True)
def _no_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others may use the default one."""
    monkeypatch.setattr("streamseg.daemon.preflight.check_bindable", lambda *_, **__: None)


def test_a_sound_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("streams: {gate: {source: lavfi:testsrc}, yard: {source: rtsp://h/b}}")
    assert main(["config", "check", str(path)]) == 0
    assert "fine; streams: gate, yard" in capsys.readouterr().out


def test_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "/nowhere.yaml"]) == 78
    assert "/nowhere.yaml: cannot be read" in capsys.readouterr().err


def test_every_mistake_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("engine:\n  precision: f8\nstreams:\n  gate: {source: lavfi:testsrc, temporl: ema}\n")
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


def test_what_only_this_machine_knows_is_left_out_offline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "engine: {model: nowhere}\nstreams:\n  gate:\n"
        "    source: {url: 'rtsp://u@h', password_file: /nowhere}\n"
        "  yard: {source: /nowhere.mp4}\n  roof: {source: '${NOWHERE}'}\n"
    )
    assert main(["config", "check", str(path)]) == 78
    said = capsys.readouterr().err
    for line, key in [
        (1, "engine.model"),
        (4, "streams.gate.source.password_file"),
        (5, "streams.yard"),
        (6, "streams.roof"),
    ]:
        assert f"{path}:{line}: {key}" in said
    assert main(["config", "check", "--offline", str(path)]) == 0


def test_variables_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text("streams: {gate: {source: 'rtsp://u:${GATE_PW}@h/x'}}")
    assert main(["config", "check", str(path)]) == 78
    assert (
        "${GATE_PW} is not set in the environment; set in a file? add --env-file FILE"
        in capsys.readouterr().err
    )
    variables = tmp_path / "gates.env"
    variables.write_text("# of the cameras\nGATE_PW='s3cret'\n")
    assert main(["config", "check", str(path)]) == 78
    assert f"set in {variables}? add --env-file {variables}" in capsys.readouterr().err
    assert main(["config", "check", str(path), "--env-file", str(variables)]) == 0
    assert main(["config", "show", str(path), "--env-file", str(variables)]) == 0
    assert "s3cret" not in capsys.readouterr().out
    assert main(["config", "check", str(path), "--env-file", str(tmp_path / "none.env")]) == 78
    assert main(["config", "check", str(path), "--env-file", f"-{tmp_path}/none.env"]) == 78


def test_what_systemd_brings_for_the_service_is_no_mistake_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    path = tmp_path / "c.yaml"
    source = "{url: 'rtsp://u@h', password_file: '${CREDENTIALS_DIRECTORY}/gate'}"
    path.write_text(f"streams: {{gate: {{source: {source}}}}}")
    assert main(["config", "check", str(path)]) == 0
    assert "warning: " in (said := capsys.readouterr().err)
    assert "not looked at: systemd sets ${CREDENTIALS_DIRECTORY}" in said
    assert main(["run", str(path)]) == 78
    assert "systemd sets it for a service that has LoadCredential=" in capsys.readouterr().err


@pytest.mark.tree
def test_the_shipped_configuration_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_PASSWORD", "secret")
    assert main(["config", "check", "--offline", str(ROOT / "configs" / "streamseg.yaml")]) == 0


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
