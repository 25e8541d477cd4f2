"""TensorRT's own words: most of its failures only return None, and the reason is in its log."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from streamseg.errors import EngineError

_LOG = logging.getLogger(__name__)
_KEPT = 8  # errors; one failure tells several, the cause first
_ECHO = "catchCudaError"  # in every error of a builder without a GPU, whatever the reason
_LONGEST = 600  # characters of a reason


class LogCollector:
    """The errors that TensorRT told last.

    Attributes:
        sink: The `ILogger` to give to builders, parsers and runtimes; must outlive them.
    """

    def __init__(self, trt: Any) -> None:
        self._errors: deque[str] = deque(maxlen=_KEPT)
        self.sink = _sink(trt, self._heard)

    def failure(self, what: str, more: str = "") -> EngineError:
        """An error that says what failed and, in TensorRT's words, why; what was told is then forgotten.

        Args:
            what: What failed.
            more: What is known of the reason beside the log; told first.
        """
        said = dict.fromkeys(filter(None, (one_row(more), *self._errors)))
        self._errors.clear()
        if any(_ECHO not in line for line in said):
            said = dict.fromkeys(line for line in said if _ECHO not in line)
        return EngineError(f"{what}: {'; '.join(said)[:_LONGEST] or 'TensorRT gave no reason'}")

    def made(self, what: str, make: Callable[..., Any], *arguments: Any) -> Any:
        """What TensorRT makes, which may be nothing.

        Args:
            what: What failed then.
            make: A class or a method of TensorRT's.
            arguments: For it.

        Raises:
            EngineError: It made nothing.
        """
        try:
            found = make(*arguments)
        except TypeError as error:  # a class that makes nothing: "factory function returned nullptr"
            raise self.failure(what) from error
        if found is None:
            raise self.failure(what)
        return found

    def _heard(self, text: str, *, error: bool) -> None:
        line = one_row(text)
        if error:
            self._errors.append(line)
        # at debug level, errors too: whoever asked for what failed tells them, and warnings come by the dozen
        _LOG.debug("TensorRT: %s", line)


def one_row(text: str) -> str:
    """A text without its line breaks, and without what a builder without a GPU adds to whatever it says."""
    lines = text.splitlines()
    own = [line for line in lines if _ECHO not in line]
    return " ".join(" ".join(own or lines).split())


def _sink(trt: Any, heard: Callable[..., None]) -> Any:
    """An `ILogger`; its class can only be made once TensorRT is there."""
    errors = (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR)

    class Sink(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, text: str) -> None:
            if severity != trt.ILogger.VERBOSE:
                heard(text, error=severity in errors)

    return Sink()
