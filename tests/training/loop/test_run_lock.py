"""Two runs in one folder are refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streamseg.errors import TrainingError
from streamseg.training.loop.run_lock import run_lock

OTHER = """
import sys
from pathlib import Path
from streamseg.training.loop.run_lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_told_whose_the_folder_is(tmp_path: Path) -> None:
    path = tmp_path / "run/run.lock"
    command = [sys.executable, "-c", OTHER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(TrainingError, match=f"run is in use by process {other.pid} on "), run_lock(path):
            pass
        other.kill()  # the kernel lets go of it
    with run_lock(path):
        assert path.read_text().startswith("process ")


def test_the_same_process_may_come_again(tmp_path: Path) -> None:
    for _ in range(2):
        with run_lock(tmp_path / "run.lock"):
            pass
    with (
        run_lock(tmp_path / "run.lock"),
        pytest.raises(TrainingError, match="in use"),
        run_lock(tmp_path / "run.lock"),
    ):
        pass


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with (
        pytest.raises(TrainingError, match=r"run.lock: cannot be written: Not a directory"),
        run_lock(tmp_path / "runs/tiny/run.lock"),
    ):
        pass
