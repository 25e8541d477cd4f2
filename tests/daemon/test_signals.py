"""The first signal asks, and the old handlers come back."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from functools import partial

import pytest

from streamseg.daemon.signals import signals_heard


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_sets_the_event(number: signal.Signals) -> None:
    before, stop = signal.getsignal(number), threading.Event()
    with signals_heard(stop.set):
        os.kill(os.getpid(), number)
        assert stop.wait(10)
    assert signal.getsignal(number) is before


def test_the_second_does_not_wait() -> None:
    code = (
        "import os, signal, threading\n"
        "from streamseg.daemon.signals import signals_heard\n"
        "with signals_heard(lambda: None):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    threading.Event().wait(60)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert done.returncode == 128 + signal.SIGTERM


def test_it_is_heard_while_the_main_thread_is_in_c() -> None:
    code = (
        "import ctypes, os, signal, threading\n"
        "from streamseg.daemon.signals import signals_heard\n"
        "stop = threading.Event()\n"
        "def leave():\n"
        "    stop.wait()\n"
        "    os._exit(42)\n"
        "with signals_heard(stop.set):\n"
        "    threading.Thread(target=leave, daemon=True).start()\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    while True: ctypes.CDLL(None).sleep(60)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert done.returncode == 42


def test_other_signals_pass_and_nothing_is_left() -> None:
    threads, stop = threading.active_count(), threading.Event()
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        with signals_heard(stop.set):
            os.kill(os.getpid(), signal.SIGUSR2)
            assert not stop.wait(0.05)
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop.wait(10)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert threading.active_count() == threads
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.parametrize(("number", "heard"), [(signal.SIGHUP, "reload"), (signal.SIGUSR1, "look")])
def test_what_asks_for_no_end_is_heard_every_time(number: signal.Signals, heard: str) -> None:
    seen: queue.Queue[str] = queue.Queue()
    told = [partial(seen.put, word) for word in ("stop", "reload", "look")]
    with signals_heard(*told):
        for _ in range(3):
            os.kill(os.getpid(), number)
            assert seen.get(timeout=10) == heard
    assert seen.empty()


def test_what_nobody_asked_for_does_no_harm() -> None:
    stop = threading.Event()
    with signals_heard(stop.set):
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(10)
