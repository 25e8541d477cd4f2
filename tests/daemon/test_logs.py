"""Log lines: for people on a terminal, for machines elsewhere, for nobody a password."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest

from streamseg.daemon import logs


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def told(form: Literal["auto", "text", "json"]) -> str:
    out = io.StringIO()
    logs.set_up("info", form, out)
    logging.getLogger("room").debug("not this")
    logs.stream_logger("room", "gate").warning("lost rtsp://user:secret@h/x")
    try:
        raise ValueError("rtsp://user:secret@h/x")
    except ValueError:
        logging.getLogger("room").exception("failed")
    return out.getvalue()


def test_text_names_the_stream() -> None:
    text = told("text")
    assert "WARNING gate: lost rtsp://***@h/x" in text
    assert "ERROR   failed" in text
    assert "Traceback" in text
    assert "not this" not in text


@pytest.mark.parametrize("form", ["json", "auto"])
def test_elsewhere_each_line_is_an_object(form: Literal["auto", "json"]) -> None:
    first, second = (json.loads(line) for line in told(form).splitlines())
    assert (first["level"], first["stream"], first["logger"]) == ("warning", "gate", "room")
    assert first["message"] == "lost rtsp://***@h/x"
    assert "ValueError" in second["traceback"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_password_ever(form: Literal["text", "json"]) -> None:
    assert "secret" not in told(form)


@pytest.mark.parametrize("message", ['url "rtsp://h/?password=secret"', 'rtsp://user:sec"ret@h', "é\n\\"])
def test_redaction_leaves_json_whole(message: str) -> None:
    out = io.StringIO()
    logs.set_up("info", "json", out)
    logging.getLogger("room").warning("%s", message)
    (line,) = out.getvalue().splitlines()
    assert "secret" not in json.loads(line)["message"]
