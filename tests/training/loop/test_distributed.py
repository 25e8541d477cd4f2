"""Several processes train as one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streamseg.errors import TrainingError
from streamseg.training.loop.amp import has_bf16
from streamseg.training.loop.distributed import ALONE, Share, described, new_fabric, share_of
from tests.waiting import time_limit

SCRIPT = Path(__file__).parents[1] / "line_run.py"


def test_shares_are_even_or_refused() -> None:
    assert Share(0, 2).size(8) == 4
    assert ALONE.size(7) == 7
    with pytest.raises(TrainingError, match="a batch of 7 cannot be shared evenly by 2 processes"):
        Share(0, 2).size(7)


def test_alone_unless_torchrun_says_otherwise() -> None:
    fabric = new_fabric()
    assert share_of(fabric) == ALONE
    assert described(fabric).endswith(
        "-mixed, 1 process" if has_bf16(fabric.device.type) else "32-true, 1 process"
    )


def launched(folder: Path, processes: int, *arguments: int) -> subprocess.CompletedProcess[str]:
    """A run of a small network by that many processes, joined by gloo."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    free_port = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    return subprocess.run(
        [*launch, *free_port, str(SCRIPT), str(folder), *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "SAVE_EVERY_S": "1e9"},
        capture_output=True, text=True, timeout=time_limit(110), check=False,
    )  # fmt: skip


def losses(folder: Path, processes: int) -> list[float]:
    """Of such a run."""
    done = launched(folder, processes)
    assert done.returncode == 0, done.stderr
    return losses_in(folder)


def losses_in(folder: Path) -> list[float]:
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [entry["loss"] for entry in entries if "loss" in entry]


def test_all_processes_stop_at_the_step_at_which_one_is_asked_to(tmp_path: Path) -> None:
    stopped = launched(tmp_path, 2, 1, signal.SIGTERM, 1)  # only the one that does not save
    assert stopped.returncode != 0
    assert stopped.stdout.count("after step 2 of 8") == 2, stopped.stderr
    assert len(losses_in(tmp_path)) == 2
    assert len(losses(tmp_path, 2)) == 8


def test_two_processes_give_the_losses_of_one_with_the_same_batch(tmp_path: Path) -> None:
    alone, together = losses(tmp_path / "one", 1), losses(tmp_path / "two", 2)
    assert len(alone) == 8
    assert alone[-1] < alone[0] / 2, "it learns"
    assert together == pytest.approx(alone, rel=1e-4)
