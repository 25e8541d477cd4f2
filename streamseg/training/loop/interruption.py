"""SIGINT and SIGTERM during long work: asked for once, it ends after the step in hand."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from streamseg.errors import TrainingError

_STDERR = 2
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_HEARD = "\nstopping after the {unit} in hand, which is saved"
_AGAIN = b"; Ctrl-C once more: at once, without saving"


class TrainingStoppedError(TrainingError):
    """A run was asked to stop, and did; what it had learnt is saved.

    Args:
        message: Where it stopped, and how to go on.
        number: The signal; the exit code is what a shell says of it, 128 more.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class StopRequest:
    """Whether somebody asked for the run to end.

    Attributes:
        number: The signal that did; 0 while nobody has.
    """

    def __init__(self) -> None:
        self.number = 0

    @property
    def name(self) -> str:
        """The signal's name, e.g. SIGINT."""
        return signal.Signals(self.number).name if self.number else "another process"


@contextmanager
def stop_on_signals(*, alone: bool, unit: str = "step") -> Iterator[StopRequest]:
    """Take SIGINT and SIGTERM as requests to stop, in the context; only on the main thread.

    Args:
        alone: One process. Then a second SIGINT raises KeyboardInterrupt; of several processes each gets
            signals from the terminal and from `torchrun`, so there a second one means no more than the first.
        unit: What is finished before the end.
    """
    request = StopRequest()
    heard = _HEARD.format(unit=unit).encode() + (_AGAIN if alone else b"") + b"\n"
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if request.number and number == signal.SIGINT and alone:
            raise KeyboardInterrupt
        if not request.number:
            # not print: the signal may have come while something else was being printed
            os.write(_STDERR, heard)
        request.number = request.number or number

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
