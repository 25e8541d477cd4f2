"""Programs in a process of their own, whose threads, files, children and memory are nobody else's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.waiting import time_limit

ROOT = Path(__file__).resolve().parent.parent


def run_python(code: str, *arguments: object, env: Mapping[str, str] | None = None) -> str:
    """What a Python program prints that can import `tests`; fails the test where it does not exit with 0.

    Args:
        code: The program.
        arguments: Its `sys.argv[1:]`, as text.
        env: Environment variables besides this process's own.
    """
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=time_limit(100),
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr}"
    return done.stdout
