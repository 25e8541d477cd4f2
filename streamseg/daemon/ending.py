"""The ways out of the process that do not wait for every thread."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
from typing import NoReturn

from streamseg.errors import EXIT_UNEXPECTED

_LOG = logging.getLogger(__name__)


def abandon(seconds: float) -> NoReturn:
    """Say which threads did not end within `seconds`, by their stacks, and end the process with code 1.

    At once: a thread that hangs in a C library can hang the interpreter's own end too.
    """
    _LOG.error("not everything ended within %g s; what each thread is at:", seconds)
    faulthandler.dump_traceback(sys.stderr)
    leave(EXIT_UNEXPECTED)


def leave(code: int) -> NoReturn:
    """End the process with what is said so far written out, whatever its other threads are at."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
