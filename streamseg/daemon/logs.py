"""Log lines: text on a terminal, one JSON object a line elsewhere; never a password."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, Literal, TextIO

from streamseg.capture.redact import redact

LogFormat = Literal["auto", "text", "json"]


def set_up(level: str, form: LogFormat, stream: TextIO | None = None) -> None:
    """Send all log records to `stream` (standard error unless given), in place of earlier handlers."""
    target = sys.stderr if stream is None else stream
    text = form == "text" or (form == "auto" and target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(TextFormatter() if text else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def stream_logger(name: str, stream: str) -> logging.LoggerAdapter[logging.Logger]:
    """A logger whose records all carry the stream's name."""
    return logging.LoggerAdapter(logging.getLogger(name), {"stream": stream})


class TextFormatter(logging.Formatter):
    """`12:03:44 WARNING gate: message`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(named)s%(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Redacted, traceback included."""
        stream = getattr(record, "stream", "")
        record.named = f"{stream}: " if stream else ""
        return redact(super().format(record))


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, stream where there is one, message, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Redacted; before it becomes JSON, whose escapes no pattern for URLs knows."""
        entry: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if stream := getattr(record, "stream", ""):
            entry["stream"] = stream
        entry["message"] = redact(record.getMessage())
        if record.exc_info:
            entry["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)
