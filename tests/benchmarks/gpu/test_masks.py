from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.gpu import masks
from tests.fakes.packages import make_package


def test_a_backend_is_equal_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = make_package(tmp_path).path
    arguments = ["onnxruntime", "f32", "--model", str(package), "--frames", "3", "--equal", "1"]
    monkeypatch.setattr("sys.argv", ["masks", *arguments])
    masks.main()
    found = json.loads(capsys.readouterr().out)
    assert (found["frames"], found["equal_single_least"], found["equal_steadied_mean"]) == (3, 1.0, 1.0)
    assert found["logits_max_difference"] == 0


def test_too_few_equal_labels_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = make_package(tmp_path).path
    arguments = ["onnxruntime", "f32", "--model", str(package), "--frames", "1", "--equal", "1.01"]
    monkeypatch.setattr("sys.argv", ["masks", *arguments])
    with pytest.raises(SystemExit, match=r"1\.000000 of the labels are equal, 1\.01 are wanted"):
        masks.main()
    assert json.loads(capsys.readouterr().out)["frames"] == 1
