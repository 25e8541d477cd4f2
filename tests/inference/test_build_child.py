"""What the builder says, line by line."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from streamseg.inference import build_child
from streamseg.inference.build import Order
from streamseg.inference.build_child import Speaker


def lines(out: io.StringIO) -> list[Any]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_steps_are_thinned_but_no_phase_is_lost() -> None:
    out = io.StringIO()
    speaker = Speaker(out)
    for phase in ("parse", "build"):
        for step in range(1001):
            assert speaker.step(phase, step, 1000)
    told = [line["step"] for line in lines(out)]
    assert len(told) < 1000
    assert told[0] == ["parse", 0, 1000]
    assert ["parse", 1000, 1000] in told
    assert ["build", 0, 1000] in told
    assert told[-1] == ["build", 1000, 1000]


def test_an_order_is_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    niceness: list[int] = []
    monkeypatch.setattr(os, "nice", niceness.append)
    monkeypatch.setattr(build_child, "_end_with_stdin", lambda: None)
    monkeypatch.setattr(build_child, "_take_stdout", lambda: open(os.dup(1), "w"))  # noqa: PTH123, SIM115
    monkeypatch.setattr(build_child, "OOM_SCORE", tmp_path / "score")
    order = Order(tmp_path / "nowhere", gently=True)
    assert build_child.main([order.json]) == 0
    (line,) = capfd.readouterr().out.splitlines()
    kind, text = json.loads(line)["failed"]
    assert kind == "package"
    assert "nowhere: no model package there" in text
    assert niceness == [10]
    assert (tmp_path / "score").read_text() == "800"


def test_a_sandbox_that_lets_it_keep_its_rank_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "nice", refuse)
    monkeypatch.setattr(build_child, "OOM_SCORE", tmp_path / "absent" / "score")
    build_child._step_back()
