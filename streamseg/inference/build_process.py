"""Having a package built by a process of its own, so that a compiler that crashes takes nobody with it."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import Progress
from streamseg.inference.build import Order
from streamseg.inference.engine import EngineInfo

# -P: no module of the working folder, which may be anybody's, stands in for one of ours or of a library
COMMAND = (sys.executable, "-P", "-m", "streamseg.inference.build_child")
_END_S = 20.0  # for a builder that is through, or died, to be gone
_LAST_LINES = 4  # of a dead builder that are told
_LAST_BYTES = 4096
_LONGEST_LINE = 1 << 16
_LOG = logging.getLogger(__name__)


class BuildProcess:
    """One build. `run` on any thread, once; `cancel` on any other.

    Args:
        order: What to build.
        command: What builds it, if not our own.
    """

    def __init__(self, order: Order, command: Sequence[str] | None = None) -> None:
        self._order, self._command = order, command or COMMAND
        self._lock = threading.Lock()  # between the start of the process and `cancel`
        self._child: subprocess.Popen[bytes] | None = None
        self._cancelled = self._over = False

    @property
    def running(self) -> bool:
        """Whether `run` waits for the process."""
        return self._child is not None and not self._over

    def run(self, progress: Progress) -> EngineInfo:
        """Wait for the build; `progress` hears how far it is, and stops it by returning False.

        Raises:
            PackageError: The package is not sound.
            EngineError: It cannot be built, the builder died, or it was cancelled.
        """
        with tempfile.TemporaryFile() as errors, self._started(errors) as child:
            try:
                end = self._listen(child, progress)
                with suppress(subprocess.TimeoutExpired):
                    child.wait(_END_S)
            finally:
                child.kill()
                self._over = True
            return self._result(end, child.wait(), errors)

    def cancel(self) -> None:
        """Kill the builder; `run` raises. What it had begun to write is no entry of the cache. Idempotent."""
        with self._lock:
            self._cancelled = True
            if self._child is not None:
                self._child.kill()

    def _started(self, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._cancelled:
                raise self._stopped()
            try:
                self._child = self._start(errors)
            except OSError as error:
                why = error.strerror or error
                raise EngineError(
                    f"{self._order.folder.name}: the builder cannot be started: {why}"
                ) from error
            return self._child

    def _start(self, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        # a session of its own: Ctrl-C on a terminal is for us, who then kill it
        return subprocess.Popen(  # noqa: S603 our own module, with our own interpreter
            [*self._command, self._order.json],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )

    def _listen(self, child: subprocess.Popen[bytes], progress: Progress) -> dict[str, Any]:
        """Its last word; nothing where it ends without."""
        assert child.stdout is not None  # noqa: S101 it was asked for
        while line := child.stdout.readline(_LONGEST_LINE):
            words: dict[str, Any] = json.loads(line)
            if "log" in words:
                _LOG.log(*words["log"])
            elif "step" not in words:
                return words
            elif not progress(*words["step"]):
                raise self._stopped()
        return {}

    def _result(self, end: dict[str, Any], code: int, errors: IO[bytes]) -> EngineInfo:
        if "built" in end:
            return EngineInfo(**end["built"])
        if "failed" in end:
            kind, text = end["failed"]
            raise PackageError(text) if kind == "package" else EngineError(text)
        if self._cancelled:
            raise self._stopped()
        words = _last_lines(errors)
        raise EngineError(f"{self._order.folder.name}: the builder {_fate(code)}{words and f': {words}'}")

    def _stopped(self) -> EngineError:
        return EngineError(f"{self._order.folder.name}: building it was stopped")


def _fate(code: int) -> str:
    """What became of a process that ended without a word."""
    if code >= 0:
        return f"ended with {code}"
    if -code == signal.SIGKILL:
        return "was killed; if nobody did that, there was too little memory"
    return f"crashed ({signal.Signals(-code).name})"


def _last_lines(errors: IO[bytes]) -> str:
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - _LAST_BYTES))
    lines = errors.read().decode(errors="replace").splitlines()
    return " / ".join(line.strip() for line in lines[-_LAST_LINES:] if line.strip())
