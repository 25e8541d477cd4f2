"""How much memory there is in use, and who goes where it is too much."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import psutil
import pytest

from streamseg.daemon.process.memory import SETTLE_S, Shedding, rss_mb
from tests.subprocesses import run_python

ALL = ["old", "middle", "new"]
POOLS = """
import ctypes, threading
from streamseg.daemon.process.memory import share_arenas

share_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fdopen.restype = ctypes.c_void_p
allocated, over = threading.Barrier(17), threading.Event()

def live():
    libc.malloc(5000)
    allocated.wait()
    over.wait()

for _ in range(16):
    threading.Thread(target=live).start()
allocated.wait()
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
over.set()
"""


def test_it_is_what_the_process_holds() -> None:
    code = """
import mmap
from streamseg.daemon.process.memory import rss_mb
before_mb = rss_mb()
untouched = mmap.mmap(-1, 500_000_000)
held = bytearray(b"x") * 64_000_000
print(before_mb, rss_mb() - before_mb)
"""
    before_mb, more_mb = map(float, run_python(code).split())
    assert before_mb > 5
    assert more_mb == pytest.approx(64, abs=10)


@pytest.mark.parametrize(
    "error", [PermissionError("hidepid"), psutil.AccessDenied(1), psutil.NoSuchProcess(1)]
)
def test_a_system_that_does_not_tell_is_no_failure(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse() -> None:
        raise error

    monkeypatch.setattr("psutil.Process", refuse)
    assert rss_mb() == 0.0


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what free() keeps back is glibc's")
def test_what_is_free_is_given_back() -> None:
    code = """
import ctypes
from streamseg.daemon.process.memory import give_back, rss_mb
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.memset.restype = ctypes.c_void_p
blocks = [ctypes.c_void_p(libc.malloc(60_000)) for _ in range(2000)]
for block in blocks:
    libc.memset(block, 1, 60_000)
for block in blocks[:-1]:  # the last one lies at the top, and free() gives back what is above it alone
    libc.free(block)
held_mb = rss_mb()
give_back()
print(held_mb - rss_mb())
"""
    assert float(run_python(code)) > 60


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="pools for each thread are glibc's")
@pytest.mark.parametrize(("asked", "pools"), [("", 2), ("4", 4)])
def test_threads_share_a_few_pools_unless_the_environment_says_otherwise(asked: str, pools: int) -> None:
    told = {"MALLOC_ARENA_MAX": asked} if asked else {}
    env = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"} | told
    run = subprocess.run([sys.executable, "-c", POOLS], env=env, check=True, capture_output=True, text=True)
    assert run.stdout.count("<heap nr=") == pools


@pytest.mark.parametrize(
    ("used_mb", "limit_mb", "streams", "victim"),
    [
        (200.0, 100.0, ALL, "new"),
        (100.0, 100.0, ALL, None),
        (200.0, None, ALL, None),
        (200.0, 100.0, ["old"], None),
        (200.0, 100.0, [], None),
    ],
)
def test_the_newest_goes_and_the_last_one_stays(
    used_mb: float, limit_mb: float | None, streams: list[str], victim: str | None
) -> None:
    assert Shedding().victim(used_mb, limit_mb, streams, 0.0) == victim


def test_one_after_the_other_with_time_to_see_whether_it_helped() -> None:
    shedding = Shedding()
    assert shedding.victim(200.0, 100.0, ALL, 0.0) == "new"
    assert shedding.victim(200.0, 100.0, ALL[:2], SETTLE_S - 1) is None
    assert shedding.victim(200.0, 100.0, ALL[:2], SETTLE_S) == "middle"
