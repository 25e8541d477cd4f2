"""The process that builds: a crash of a compiler ends it, and nothing else.

    python -m streamseg.inference.build_child ORDER

ORDER is an `Order` in JSON. What it has to say it says on standard output, a line of JSON each:

    {"step": [phase, done, of]}        how far it is
    {"log": [level, text]}             what the log should hold
    {"built": {backend, precision, …}} the end: an `EngineInfo`
    {"failed": [kind, text]}           the end: a `PackageError` or an `EngineError`

It ends when its standard input does: with whoever wanted the build.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from streamseg.concurrency.rate_limit import RateLimiter
from streamseg.errors import PackageError, StreamsegError
from streamseg.inference.build import Order, build

_TELL_S = 0.1  # between two steps of one phase that are told
_NICENESS = 10
_EXPENDABLE = 800  # of 1000: proc_pid_oom_score_adj(5)
OOM_SCORE = Path("/proc/self/oom_score_adj")


def main(arguments: list[str]) -> int:
    """Build what is ordered; returns the exit code."""
    order = Order.from_json(arguments[0])
    threading.Thread(target=_end_with_stdin, name="lifeline", daemon=True).start()
    if order.gently:
        _step_back()
    with _take_stdout() as out:
        speaker = Speaker(out)
        logging.basicConfig(level=logging.INFO, handlers=[_Relay(speaker)])
        try:
            speaker.say(built=asdict(build(order, speaker.step)))
        except StreamsegError as error:
            kind = "package" if isinstance(error, PackageError) else "engine"
            speaker.say(failed=[kind, str(error)])
    return 0


class Speaker:
    """Says what there is to say, a line each; any thread."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._lock = out, threading.Lock()
        self._phase, self._throttle = "", RateLimiter(_TELL_S)

    def step(self, phase: str, done: int, of: int) -> bool:
        """See `Progress`; what comes too fast is left out."""
        fresh = phase != self._phase or done >= of
        self._phase = phase
        if fresh or self._throttle.pass_on() is not None:
            self.say(step=[phase, done, of])
        return True

    def say(self, **words: Any) -> None:
        """One message."""
        with self._lock:
            self._out.write(json.dumps(words) + "\n")
            self._out.flush()


class _Relay(logging.Handler):
    """Hands the log to whoever wanted the build."""

    def __init__(self, speaker: Speaker) -> None:
        super().__init__()
        self._speaker = speaker

    def emit(self, record: logging.LogRecord) -> None:
        self._speaker.say(log=[record.levelno, self.format(record)])


def _step_back() -> None:
    """Leave the processor to others, and be the first to be killed for memory; a sandbox may refuse."""
    with suppress(OSError):
        os.nice(_NICENESS)
    with suppress(OSError):
        OOM_SCORE.write_text(str(_EXPENDABLE), encoding="ascii")


def _take_stdout() -> TextIO:
    """Standard output for our words alone: what libraries print goes to standard error."""
    sys.stdout.flush()
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return ours


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
