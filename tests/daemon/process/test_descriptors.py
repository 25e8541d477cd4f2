"""File descriptors: what is said when they run out."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from streamseg.daemon.process import descriptors
from streamseg.daemon.process.descriptors import DescriptorMonitor


def test_what_runs_out_is_said_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    used = 0
    monitor = DescriptorMonitor(lambda: used, lambda: 1000)
    notes = []
    for used in (25, 900, 1000, 850, 799, 25):  # noqa: B007 - the lambda reads it
        monitor.look()
        notes.append(monitor.note)
    assert notes == [
        "",
        "degraded: 900 of 1000 file descriptors in use",
        "degraded: 1000 of 1000 file descriptors in use",
        "degraded: 850 of 1000 file descriptors in use",
        "",
        "",
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "file descriptors run out: 900 of 1000 in use; cameras cannot reconnect",
        "file descriptors: 799 of 1000 in use; there are enough again",
    ]


EXHAUSTED = """
import os, resource
from streamseg.daemon.process import descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
before = descriptors.in_use()
held = []
try:
    while True: held.append(os.open("/dev/null", os.O_RDONLY))
except OSError: pass
full = descriptors.in_use()
for fd in held: os.close(fd)
print(0 < before < 64, full, descriptors.in_use() == before, descriptors.limit())
"""


def test_they_are_counted_even_when_there_is_none_left() -> None:
    done = subprocess.run([sys.executable, "-c", EXHAUSTED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "64", "True", "64"]


def test_this_process_has_some() -> None:
    assert 0 < descriptors.in_use() <= descriptors.limit()
