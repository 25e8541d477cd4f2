from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.output import tell

FOUND = {"masks_per_s": 39.9}


def test_the_json_stands_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    tell("| a table |", FOUND, None)
    table, _, text = capsys.readouterr().out.partition("\n\n")
    assert (table, json.loads(text)) == ("| a table |", FOUND)


def test_or_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tell("| a table |", FOUND, tmp_path / "found.json")
    assert capsys.readouterr().out == "| a table |\n"
    assert json.loads((tmp_path / "found.json").read_text(encoding="utf-8")) == FOUND
