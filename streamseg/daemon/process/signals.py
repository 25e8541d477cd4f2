"""What signals ask for: SIGTERM and SIGINT the end, SIGHUP a reload, SIGUSR1 what every thread is at.

The first SIGTERM or SIGINT asks for an orderly stop, the second does not wait for it.

SIGHUP and SIGUSR1 that come before there are handlers wait for them: `streamseg/__main__.py` blocks both, for
by default they end the process, and it has a second of imports before it.

The signals are heard on a thread of their own. A Python handler would run on the main thread: only once that
returns from C, where compiling a network takes seconds, and perhaps in the middle of the very lock that
setting an event needs.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.worker_thread import StoppableThread

_STOPS = (signal.SIGTERM, signal.SIGINT)
_BLOCKED_AT_START = (signal.SIGHUP, signal.SIGUSR1)
_LEAVE_S = 1.0


def _nothing() -> None:
    pass


@contextmanager
def handle_signals(
    stop: Callable[[], None], reload: Callable[[], None] = _nothing, look: Callable[[], None] = _nothing
) -> Iterator[None]:
    """Do what signals ask for, on the listening thread; afterwards the old handlers are back.

    For the main thread only: no other may say what signals do (signal.signal, signal.set_wakeup_fd).

    Args:
        stop: At the first SIGTERM or SIGINT; the second ends the process.
        reload: At every SIGHUP.
        look: At every SIGUSR1.
    """
    actions = {signal.SIGHUP: reload, signal.SIGUSR1: look}
    hear, tell = socket.socketpair()
    tell.setblocking(False)
    listener = StoppableThread("signals", lambda _: _listen(hear, stop, actions))
    listener.start()
    before = {number: signal.signal(number, lambda *_: None) for number in (*_STOPS, *actions)}
    fd_before = signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _BLOCKED_AT_START)
    try:
        yield
    finally:
        signal.set_wakeup_fd(fd_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        tell.close()  # the listener reads its end
        listener.join(Deadline(_LEAVE_S))
        hear.close()


def _listen(
    hear: socket.socket, stop: Callable[[], None], actions: dict[signal.Signals, Callable[[], None]]
) -> None:
    """Every signal that Python handles arrives as a byte, its number; the end is that `tell` was closed."""
    asked = False
    while number := hear.recv(1):
        if number[0] in _STOPS:
            if asked:
                os._exit(128 + number[0])
            asked = True
            stop()
        elif number[0] in actions:
            actions[signal.Signals(number[0])]()
