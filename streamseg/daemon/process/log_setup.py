"""Log lines: text on a terminal and in the journal, JSON elsewhere; never a password, never a flood.

Where the lines go to systemd's journal, each begins with its severity (sd-daemon(3)), which the journal takes
off again and filters by: `journalctl -u streamseg -p warning`. It keeps the time by itself.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal, TextIO

from streamseg.daemon.process.log_rate_limit import Repeats
from streamseg.redact import redact_credentials

LogFormat = Literal["auto", "text", "json"]
EVERY = {"every": True}
"""The `extra=` of lines that are alike and all wanted, as those of a list: none is held back."""

_SEVERITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


def set_up(level: str, form: LogFormat, stream: TextIO | None = None) -> None:
    """Send all log records to `stream` (standard error unless given), in place of earlier handlers."""
    target = sys.stderr if stream is None else stream
    journal = goes_to_journal(target)
    text = form == "text" or (form == "auto" and (journal or target.isatty()))
    handler = Handler(_writer(target), journal=journal)
    handler.setFormatter(TextFormatter(timed=not journal) if text else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def stream_logger(name: str, stream: str) -> logging.LoggerAdapter[logging.Logger]:
    """A logger whose records all carry the stream's name."""
    return logging.LoggerAdapter(logging.getLogger(name), {"stream": stream})


def goes_to_journal(target: TextIO, env: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written there ends in systemd's journal: it, and not something it was sent to since."""
    try:
        found = os.fstat(target.fileno())
    except (OSError, ValueError):  # no file of the system's, or closed
        return False
    return env.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _writer(target: TextIO) -> Callable[[str], object]:
    try:
        fd = target.fileno()
    except (OSError, ValueError):
        return target.write
    # Past its buffer: what cannot be written would stay in there, and fail the interpreter's end once more.
    raw = io.FileIO(fd, "w", closefd=False)
    return lambda text: _write_all(raw, text.encode(errors="backslashreplace"))


def _write_all(raw: io.FileIO, data: bytes) -> None:
    while data:
        written = raw.write(data)
        if written is None:  # the other end does not read, and whoever made it does not want us to wait
            raise BlockingIOError
        data = data[written:]


class Handler(logging.Handler):
    """Writes each record as a line or several; a target that fails costs lines, and nothing else.

    Args:
        write: Takes a whole record's text.
        journal: Begin each line with its severity.
        repeats: What holds back those alike; debug records and `EVERY` are never held back.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        journal: bool = False,
        repeats: Repeats[logging.LogRecord] | None = None,
    ) -> None:
        super().__init__()
        self._write, self._journal = write, journal
        self._repeats: Repeats[logging.LogRecord] = Repeats() if repeats is None else repeats
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, or hold it back; called with the handler's lock held."""
        if record.levelno < logging.INFO or getattr(record, "every", False):
            self._put(record, 0)
            return
        kind = (record.name, record.levelno, str(record.msg), getattr(record, "stream", ""))
        for due, more in self._repeats.take(kind, record):
            self._put(due, more)

    def close(self) -> None:
        """Write what is held back; where it is written to stays open."""
        self.acquire()
        try:
            for due, more in self._repeats.rest():
                self._put(due, more)
        finally:
            self.release()
        super().close()

    def _put(self, record: logging.LogRecord, more: int) -> None:
        record.more, record.lost = more, self._lost
        try:
            self._write(self._with_severity(self.format(record), record.levelno))
        except Exception:  # noqa: BLE001 - the disk is full, the reader gone, or a record's arguments do not fit
            self._lost += 1
        else:
            self._lost = 0

    def _with_severity(self, text: str, level: int) -> str:
        if not self._journal:
            return f"{text}\n"
        severity = _SEVERITIES.get(level, 6)
        return "".join(f"<{severity}>{line}\n" for line in text.split("\n"))


class TextFormatter(logging.Formatter):
    """`12:03:44 WARNING gate: message (… 7 more like this)`; the time only if `timed`."""

    def __init__(self, *, timed: bool = True) -> None:
        time = "%(asctime)s " if timed else ""
        super().__init__(f"{time}%(levelname)-7s %(named)s%(message)s%(aside)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Redacted, traceback included."""
        stream = getattr(record, "stream", "")
        record.named = f"{stream}: " if stream else ""
        record.aside = "".join(f" (… {told})" for told in _asides(record))
        return redact_credentials(super().format(record))


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message; stream, more, lost, traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Redacted; before it becomes JSON, whose escapes no pattern for URLs knows."""
        entry: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if stream := getattr(record, "stream", ""):
            entry["stream"] = stream
        entry["message"] = redact_credentials(record.getMessage())
        entry |= {key: count for key in ("more", "lost") if (count := getattr(record, key, 0))}
        if record.exc_info:
            entry["traceback"] = redact_credentials(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def _asides(record: logging.LogRecord) -> list[str]:
    more, lost = getattr(record, "more", 0), getattr(record, "lost", 0)
    told = [f"{more} more like this"] if more else []
    return [*told, f"{lost} lines before it could not be written"] if lost else told
