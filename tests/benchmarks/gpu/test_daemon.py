from __future__ import annotations

import json

import pytest

from benchmarks.gpu import daemon


def test_a_daemons_masks_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["daemon", "onnxruntime", "f32", "--seconds", "1"])
    daemon.main()
    found = json.loads(capsys.readouterr().out)
    assert found["masks"] >= 2
    assert (found["gaps"], found["exit_code"], found["backend"]) == (0, 0, "onnxruntime")
    assert found["masks_per_s"] > 0
    assert any("onnxruntime" in line for line in found["log"])


def test_a_daemon_that_cannot_start_fails_and_shows_its_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["daemon", "nonsense", "f32", "--seconds", "1"])
    with pytest.raises(SystemExit, match="'masks': 0"):
        daemon.main()
    assert "nonsense" in str(json.loads(capsys.readouterr().out)["log"])
