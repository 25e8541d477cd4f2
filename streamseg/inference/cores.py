"""How many threads an engine should use: the physical cores this process may run on."""

from __future__ import annotations

import os
from pathlib import Path

CPU_FOLDER = Path("/sys/devices/system/cpu")


def physical_cores(folder: Path = CPU_FOLDER) -> int:
    """Physical cores among the CPUs this process may run on, at least 1.

    A hyper-thread's sibling adds nothing to arithmetic that keeps the vector units busy. Where the kernel
    does not tell siblings apart (`topology/thread_siblings_list`), every CPU counts.
    """
    allowed = os.sched_getaffinity(0)
    return max(1, len({_siblings(folder, cpu) for cpu in allowed}))


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor as its maker names it, or `CPU`."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return "CPU"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or "CPU"


def _siblings(folder: Path, cpu: int) -> str:
    try:
        return (
            (folder / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text(encoding="ascii").strip()
        )
    except OSError:
        return str(cpu)
