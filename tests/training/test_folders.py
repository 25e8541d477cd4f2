"""Where a run's things are."""

from __future__ import annotations

from pathlib import Path

from streamseg.training.folders import Folders


def test_everything_of_a_run_is_in_its_own_folder() -> None:
    folders = Folders(Path("runs"), "street")
    assert folders.stage("segment") == Path("runs/street/segment")
    assert folders.package == Path("runs/street/street")
    assert folders.report == Path("runs/street/report.html")
