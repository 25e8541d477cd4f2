from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import precision
from tests.fakes.int8 import add_int8
from tests.fakes.packages import make_package


def test_every_precision_and_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = add_int8(make_package(tmp_path))
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "0.png"), np.ones((48, 64), np.uint8))
    asked = ["precision", str(package.path), "--data", str(tmp_path), "--threads", "1"]
    monkeypatch.setattr(sys, "argv", asked)
    precision.main()
    shown = capsys.readouterr().out
    assert shown.startswith("tiny 1\ncpu: ")
    assert shown.count("int8") == shown.count("f32") == 2, "on each backend"
