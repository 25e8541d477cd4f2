"""SIGTERM and SIGINT: the first asks for an orderly stop, the second does not wait for it.

The signals are heard on a thread of their own. A Python handler would run on the main thread: only once that
returns from C, where compiling a network takes seconds, and perhaps in the middle of the very lock that
setting an event needs.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from streamseg.flow.deadline import Deadline
from streamseg.flow.stage import Stage

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LEAVE_S = 1.0


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Set `stop` at the first signal, end the process at the second; afterwards the old handlers are back.

    For the main thread only: no other may say what signals do (signal.signal, signal.set_wakeup_fd).
    """
    hear, tell = socket.socketpair()
    tell.setblocking(False)
    listener = Stage("signals", lambda _: _listen(hear, stop))
    listener.start()
    before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
    fd_before = signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(fd_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        tell.close()  # the listener reads its end
        listener.join(Deadline(_LEAVE_S))
        hear.close()


def _listen(hear: socket.socket, stop: threading.Event) -> None:
    """Every signal that Python handles arrives as a byte, its number; the end is that `tell` was closed."""
    asked = False
    while number := hear.recv(1):
        if number[0] not in _SIGNALS:
            continue
        if asked:
            os._exit(128 + number[0])
        asked = True
        stop.set()
