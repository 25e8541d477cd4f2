"""`streamseg config check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.cli import main


def test_a_sound_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("streams: {gate: {source: a.mp4}, yard: {source: b.mp4}}")
    assert main(["config", "check", str(path)]) == 0
    assert "fine; streams: gate, yard" in capsys.readouterr().out


def test_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "/nowhere.yaml"]) == 78
    assert "/nowhere.yaml: cannot be read" in capsys.readouterr().err
