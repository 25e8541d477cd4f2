"""Where variables come from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamseg.cli.environment import environment, unset_hint


def test_the_last_file_wins_over_the_others_and_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "process")
    monkeypatch.setenv("B", "process")
    (tmp_path / "1.env").write_text("A=first\nC=first\n")
    (tmp_path / "2.env").write_text("A=second\n")
    found = environment([tmp_path / "1.env", tmp_path / "2.env"])
    assert [found[name] for name in "ABC"] == ["second", "process", "first"]
    assert os.environ["A"] == "process"


def test_what_to_do_about_a_variable(tmp_path: Path) -> None:
    assert unset_hint(tmp_path / "c.yaml") == "set in a file? add --env-file FILE"
    (tmp_path / "c.env").touch()
    assert unset_hint(tmp_path / "c.yaml") == f"set in {tmp_path}/c.env? add --env-file {tmp_path}/c.env"
    assert "restart" in unset_hint(tmp_path / "c.yaml", running=True)
