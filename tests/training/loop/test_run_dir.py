"""Where a run's things are."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from streamseg.training.config.stage_config import StageName
from streamseg.training.loop.run_dir import RunDirectory


def test_everything_of_a_run_is_in_its_own_folder() -> None:
    folders = RunDirectory(Path("runs"), "street")
    assert folders.stage("segment") == Path("runs/street/segment")
    assert folders.package == Path("runs/street/package/street")
    assert folders.report == Path("runs/street/report.html")


@pytest.mark.parametrize("name", [*get_args(StageName), "package", "report.html"])
def test_no_name_makes_two_folders_meet(name: str) -> None:
    folders = RunDirectory(Path("runs"), name)
    places = [folders.package, folders.report, folders.lock, *map(folders.stage, get_args(StageName))]
    assert len(set(places)) == len(places)
    assert not any(a != b and a.is_relative_to(b) for a in places for b in places)
