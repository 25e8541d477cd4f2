"""A look at a process, and the line through looks."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from benchmarks.process_stats import Vitals, after, look, slope_per_h

HOLDER = """
import os, threading
held = []
for megabytes in (0, 64):
    if megabytes:
        held.extend([open(os.devnull), bytearray(b"x") * (megabytes * 1_000_000)])
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    print("holds", megabytes, flush=True)
    input()
"""


def test_a_look_sees_what_is_held() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "holds 0\n"
        before = look(holder.pid, 1.0)
        print(file=holder.stdin, flush=True)
        assert holder.stdout.readline() == "holds 64\n"
        now = look(holder.pid, 2.0)
        print(file=holder.stdin, flush=True)
    assert (now.fds - before.fds, now.threads - before.threads) == (1, 1)
    assert 60 < now.rss_mb - before.rss_mb < 90
    assert (before.at_s, now.at_s) == (1.0, 2.0)


def test_a_process_that_is_gone_cannot_be_looked_at() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    with pytest.raises(ProcessLookupError, match=str(gone.pid)):
        look(gone.pid, 1.0)


def test_growth_is_told_by_the_hour() -> None:
    assert slope_per_h([0, 1800, 3600], [100, 101, 102]) == pytest.approx(2)
    assert math.isnan(slope_per_h([0], [1]))


def test_the_warm_up_does_not_count() -> None:
    seen = [Vitals(at_s, 1.0, 1, 1) for at_s in (0.0, 9.9, 10.0)]
    assert [one.at_s for one in after(seen, 10.0)] == [10.0]
