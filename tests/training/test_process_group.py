"""Processes that train as one take leave of each other before they end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.subprocesses import ROOT
from tests.waiting import time_limit

JOINED = """
import atexit, os, sys
from pathlib import Path
import torch.distributed as group

# what is registered first is called last
atexit.register(lambda: Path(sys.argv[1], os.environ["RANK"]).write_text(str(group.is_initialized())))

from streamseg.training.loop.distributed import new_fabric

assert new_fabric().world_size == 2
assert group.is_initialized()
"""


def test_no_thread_of_the_group_outlives_the_interpreter(tmp_path: Path) -> None:
    script = tmp_path / "joined.py"
    script.write_text(JOINED)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    any_port = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    done = subprocess.run(
        [*launch, *any_port, str(script), str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=time_limit(110),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["False", "False"]
