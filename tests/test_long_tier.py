"""Long tests run when they are asked for, once, and go on where they were interrupted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.long_tier import Results, Rounds
from tests.subprocesses import ROOT
from tests.waiting import time_limit

CONFTEST = """
from pathlib import Path
from tests import long_tier

long_tier.STATE = Path(__file__).parent / "state.json"
long_tier.tree = lambda: Path(__file__).with_name("commit").read_text()
from tests.conftest import pytest_addoption, pytest_collection_modifyitems, pytest_runtest_makereport
from tests.conftest import pytest_terminal_summary, rounds
"""
TESTS = """
from pathlib import Path
import pytest

HERE = Path(__file__).parent

def test_short(): pass

@pytest.mark.long
def test_rounds(rounds):
    for number in rounds.left(3):
        (HERE / "done").open("a").write(f"{number} ")
        if (HERE / "interrupt").exists() and number == 1:
            (HERE / "interrupt").unlink()
            raise KeyboardInterrupt
        rounds.done(f"result {number}")
    print(rounds.results)
    assert not (HERE / "broken").exists()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = long: takes long\n")
    (tmp_path / "commit").write_text("abc")
    return tmp_path


def run(folder: Path, *arguments: str) -> str:
    code = f"import sys, pytest; sys.path.insert(0, {str(ROOT)!r}); sys.exit(pytest.main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "-q", "-rP", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=time_limit(100)
    )
    return done.stdout + done.stderr


def rounds_done(folder: Path) -> str:
    return (folder / "done").read_text() if (folder / "done").exists() else ""


def test_nobody_runs_it_unasked(folder: Path) -> None:
    assert "1 passed, 1 deselected" in run(folder)
    assert "2 deselected" in run(folder, "-k", "rounds")
    assert rounds_done(folder) == ""


def test_once_passed_it_is_run_only_if_asked_for_again(folder: Path) -> None:
    told = run(folder, "-m", "long")
    assert "1 passed" in told
    assert "['result 0', 'result 1', 'result 2']" in told
    told = run(folder, "-m", "long")
    assert "2 deselected" in told
    assert "test_it.py::test_rounds: passed at abc, " in told
    assert ", 3 rounds" in told
    assert rounds_done(folder) == "0 1 2 "
    assert "1 passed" in run(folder, "-m", "long", "--long-again")
    assert rounds_done(folder) == "0 1 2 0 1 2 "


def test_an_interrupted_one_goes_on_with_the_round_that_was_under_way(folder: Path) -> None:
    (folder / "interrupt").touch()
    assert "interrupted after 1 round, at abc" in run(folder, "-m", "long")
    assert "['result 0', 'result 1', 'result 2']" in run(folder, "-m", "long")
    assert rounds_done(folder) == "0 1 1 2 "


def test_rounds_of_another_commit_do_not_count(folder: Path) -> None:
    (folder / "interrupt").touch()
    run(folder, "-m", "long")
    (folder / "commit").write_text("def")
    assert "passed at def" in run(folder, "-m", "long")
    assert rounds_done(folder) == "0 1 0 1 2 "


def test_one_that_failed_is_run_again(folder: Path) -> None:
    (folder / "broken").touch()
    assert "test_it.py::test_rounds: FAILED at abc" in run(folder, "-m", "long")
    (folder / "broken").unlink()
    assert "test_it.py::test_rounds: passed at abc" in run(folder, "-m", "long")
    assert rounds_done(folder) == "0 1 2 0 1 2 "


def test_every_change_is_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "state.json"
    rounds = Rounds(Results(path), "test_x", "abc")
    left = rounds.left(2)
    assert next(left) == 0
    rounds.done("fine")
    assert json.loads(path.read_text())["test_x"]["rounds"] == ["fine"]
    assert list(Rounds(Results(path), "test_x", "abc").left(2)) == [1]
