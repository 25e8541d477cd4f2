"""One core for the process, so that no thread is left with a stack for signals that is gone."""

from __future__ import annotations

import threading
from pathlib import Path

from streamseg.inference.backends.openvino_core import core
from tests.fakes.packages import Tiny, make_package
from tests.subprocesses import run_python

SIGNALLED = """
import gc, signal, sys, threading
from pathlib import Path
from streamseg.inference.backends import openvino
from streamseg.inference.backend import Settings
from streamseg.inference.packages.package import open_package

heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append("heard"))
openvino.report()
engines = [openvino.load(open_package(sys.argv[1]), Settings("f32", 1, None)) for _ in range(2)]
for _ in range(2):
    engines.pop(0).close()

def load_and_close():
    openvino.load(open_package(sys.argv[1]), Settings("f32", 1, None)).close()
    gc.collect()

thread = threading.Thread(target=load_and_close)
thread.start()
thread.join()
gc.collect()
signal.raise_signal(signal.SIGTERM)
print(*heard)
"""


def test_a_signal_is_heard_after_engines_came_and_went(tmp_path: Path) -> None:
    """In whatever order and thread. It ended the process with SIGSEGV."""
    package = make_package(tmp_path, Tiny()).path
    assert run_python(SIGNALLED, package).strip() == "heard"


def test_all_threads_get_the_same_core() -> None:
    found = []
    threads = [threading.Thread(target=lambda: found.append(core())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one is core() for one in found)
    assert len(found) == len(threads)
