"""What a process holds over time: memory, files, threads; and whether any of it grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import psutil


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look at a process.

    Attributes:
        at_s: When, seconds since the measurement began.
        rss_mb: Resident memory, MB of 10^6 bytes.
        fds: Open files.
        threads: Threads.
    """

    at_s: float
    rss_mb: float
    fds: int
    threads: int


def look(pid: int, at_s: float) -> Vitals:
    """Look at a process of this machine. Raises ProcessLookupError where it is gone."""
    try:
        process = psutil.Process(pid)
        return Vitals(at_s, process.memory_info().rss / 1e6, process.num_fds(), process.num_threads())
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError(str(error)) from error


def slope_per_h(times_s: Sequence[float], values: Sequence[float]) -> float:
    """Growth an hour of the line through the points (least squares); nan of fewer than two."""
    if len(times_s) < 2:
        return float("nan")
    return float(np.polyfit(np.asarray(times_s) / 3600, values, 1)[0])


def after(seen: Sequence[Vitals], warm_up_s: float) -> list[Vitals]:
    """The looks after the warm-up."""
    return [vitals for vitals in seen if vitals.at_s >= warm_up_s]
