from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import overhead
from tests.fakes.packages import make_package


def test_both_backends_have_their_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = make_package(tmp_path)
    asked = ["overhead", "--model", str(package.path), "--rounds", "3", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", [*asked, "--json"])
    overhead.main()
    found = json.loads(capsys.readouterr().out)["backends"]
    assert set(found) == {"openvino", "onnxruntime"}
    assert all(one["bare_ms"] > 0 and one["engine_ms"] > 0 for one in found.values())
    monkeypatch.setattr(sys, "argv", asked)
    overhead.main()
    assert capsys.readouterr().out.count("\n| o") == 2


def test_neither_of_a_pair_always_follows_the_other() -> None:
    order: list[str] = []
    overhead.in_pairs(lambda: order.append("b"), lambda: order.append("o"), 4)
    assert "".join(order[:4]) == "obbo"
