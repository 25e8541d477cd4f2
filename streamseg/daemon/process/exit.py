"""The ways out of the process that do not wait for every thread."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from typing import NoReturn

from streamseg.daemon.process.thread_stacks import innermost

_LOG = logging.getLogger(__name__)


def abandon(seconds: float, threads: Iterable[str], code: int) -> NoReturn:
    """Say in a line which threads did not end within `seconds`, and end the process with `code`.

    At once: a thread that hangs in a C library can hang the interpreter's own end too. The code is that of
    the stop, which a late thread does not change: nothing a thread holds then is meant to outlive the process
    (files of the cache are written whole or not at all).
    """
    _LOG.warning("not ended within %g s, left behind: %s", seconds, innermost(threads))
    leave(code)


def leave(code: int) -> NoReturn:
    """End the process with what is said so far written out, whatever its other threads are at."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
