"""The first signal asks, and the old handlers come back.

Each test sends signals to a process of its own: one that goes to a whole process may be handed to any of its
threads, and what is still on its way when the old handler comes back ends it, pytest or a worker of xdist.
"""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.subprocesses import run_python
from tests.waiting import time_limit

HEARD = f"""
import os, queue, signal, sys, threading
from pathlib import Path
from streamseg.daemon.process.signals import handle_signals

LIMIT_S = {time_limit(60)}
asked = signal.Signals(int((sys.argv + ["15"])[1]))
words, stop = queue.Queue(), threading.Event()

def send(number):
    os.kill(os.getpid(), number)

def held():
    return len(list(Path("/proc/self/task").iterdir())), len(list(Path("/proc/self/fd").iterdir()))

before, old = held(), signal.getsignal(asked)
"""


def heard(code: str, *numbers: signal.Signals) -> str:
    return run_python(HEARD + code, *map(int, numbers)).strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_sets_the_event(number: signal.Signals) -> None:
    code = """
with handle_signals(stop.set):
    assert signal.getsignal(asked) is not old
    send(asked)
    assert stop.wait(LIMIT_S)
print(signal.getsignal(asked) is old, signal.set_wakeup_fd(-1))
"""
    assert heard(code, number) == "True -1"


def test_the_second_does_not_wait() -> None:
    code = """
with handle_signals(lambda: None):
    send(signal.SIGTERM)
    send(signal.SIGTERM)
    threading.Event().wait(LIMIT_S)
"""
    done = subprocess.run([sys.executable, "-c", HEARD + code], timeout=time_limit(100), check=False)
    assert done.returncode == 128 + signal.SIGTERM


def test_it_is_heard_while_the_main_thread_is_in_c() -> None:
    code = """
import ctypes

def leave():
    stop.wait()
    os.write(1, b"heard")
    os._exit(0)

with handle_signals(stop.set):
    threading.Thread(target=leave, daemon=True).start()
    send(signal.SIGTERM)
    while True:
        ctypes.CDLL(None).sleep(60)
"""
    assert heard(code) == "heard"


def test_other_signals_pass() -> None:
    code = """
passed = threading.Event()
signal.signal(signal.SIGUSR2, lambda *_: passed.set())
with handle_signals(lambda: words.put("stop"), lambda: words.put("reload")):
    send(signal.SIGUSR2)
    assert passed.wait(LIMIT_S)
    send(signal.SIGHUP)  # what is heard is heard in turn: whatever SIGUSR2 asked for would come first
    print(words.get(timeout=LIMIT_S), words.empty())
"""
    assert heard(code) == "reload True"


def test_nothing_is_left() -> None:
    code = """
for _ in range(3):
    stop.clear()
    with handle_signals(stop.set):
        assert held() > before
        send(signal.SIGTERM)
        assert stop.wait(LIMIT_S)
wait_for(lambda: held() == before, what="that nothing is left")
print("nothing is left")
"""
    assert heard("from tests.waiting import wait_for\n" + code) == "nothing is left"


@pytest.mark.parametrize(("number", "word"), [(signal.SIGHUP, "reload"), (signal.SIGUSR1, "look")])
def test_what_asks_for_no_end_is_heard_every_time(number: signal.Signals, word: str) -> None:
    code = """
from functools import partial
with handle_signals(*(partial(words.put, word) for word in ("stop", "reload", "look"))):
    for _ in range(3):
        send(asked)
        print(words.get(timeout=LIMIT_S))
print(words.empty())
"""
    assert heard(code, number).split() == [word, word, word, "True"]


def test_what_nobody_asked_for_does_no_harm() -> None:
    code = """
with handle_signals(stop.set):
    send(signal.SIGHUP)
    send(signal.SIGTERM)
    assert stop.wait(LIMIT_S)
print("stopped")
"""
    assert heard(code) == "stopped"
