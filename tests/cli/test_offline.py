"""`streamseg train` and `streamseg evaluate` hand their arguments on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamseg.cli import main
from streamseg.errors import MissingExtraError
from streamseg.training import cli


def test_train(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(cli, "train", lambda *a, **k: calls.append((a, k)))
    assert main(["train", "r.yaml", "--runs", str(tmp_path), "--fresh"]) == 0
    assert calls == [((Path("r.yaml"), tmp_path), {"fresh": True})]


def test_evaluate(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(cli, "evaluate_package", lambda *a, **k: calls.append((a, k)))
    assert main(["evaluate", "tiny", "data", "--backend", "onnxruntime", "--clip", "--json", "f.json"]) == 0
    expected = {"backend": "onnxruntime", "precision": "auto", "clip": True, "json_path": Path("f.json")}
    assert calls == [(("tiny", Path("data")), expected)]


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(*_: Any, **__: Any) -> None:
        raise MissingExtraError("training", "train")

    monkeypatch.setattr(cli, "train", train)
    assert main(["train", "r.yaml"]) == 78
    assert "pip install 'streamseg[train]'" in capsys.readouterr().err


def test_missing_data_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "/nowhere", str(tmp_path)]) == 78
    assert capsys.readouterr().err.startswith("streamseg: ")
