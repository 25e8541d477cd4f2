"""Log lines: for people on a terminal, for machines elsewhere, for nobody a password."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from streamseg.daemon.process import log_setup
from streamseg.daemon.process.log_rate_limit import Repeats

DEPLOYMENT = Path(__file__).resolve().parents[3] / "docs" / "deployment.md"


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def told(form: Literal["auto", "text", "json"]) -> str:
    out = io.StringIO()
    log_setup.set_up("info", form, out)
    logging.getLogger("room").debug("not this")
    log_setup.stream_logger("room", "gate").warning("lost rtsp://user:secret@h/x")
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


class Journal(io.StringIO):
    """A standard error that systemd reads."""


@pytest.mark.parametrize(("form", "begins"), [("auto", "<4>WARNING gate: lost"), ("json", '<4>{"time": ')])
def test_the_journal_gets_text_unless_json_is_asked_for(
    form: Literal["auto", "json"], begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Journal()
    monkeypatch.setattr(log_setup, "goes_to_journal", lambda target: target is out)
    log_setup.set_up("info", form, out)
    log_setup.stream_logger("room", "gate").warning("lost")
    assert out.getvalue().startswith(begins)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_password_ever(form: Literal["text", "json"]) -> None:
    assert "secret" not in told(form)


@pytest.mark.parametrize("message", ['url "rtsp://h/?password=secret"', 'rtsp://user:sec"ret@h', "é\n\\"])
def test_redaction_leaves_json_whole(message: str) -> None:
    out = io.StringIO()
    log_setup.set_up("info", "json", out)
    logging.getLogger("room").warning("%s", message)
    (line,) = out.getvalue().splitlines()
    assert "secret" not in json.loads(line)["message"]


class Target:
    """Takes lines, or fails with `failure`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failure: Exception | None = None

    def __call__(self, text: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.lines.append(text)


def log_to(target: Target, formatter: logging.Formatter, *, journal: bool = False) -> logging.Handler:
    repeats: Repeats[logging.LogRecord] = Repeats(2, 10.0, lambda: 0.0)
    handler = log_setup.Handler(target, journal=journal, repeats=repeats)
    handler.setFormatter(formatter)
    logging.basicConfig(level="DEBUG", handlers=[handler], force=True)
    return handler


def test_a_flood_is_counted_by_template_and_stream() -> None:
    target = Target()
    handler = log_to(target, log_setup.TextFormatter())
    for number in range(5):
        log_setup.stream_logger("room", "gate").warning("lost frame %d", number)
        log_setup.stream_logger("room", "yard").warning("lost frame %d", number)
        logging.getLogger("room").debug("said every time %d", number)
    assert sum("gate: lost" in line for line in target.lines) == 2
    assert sum("said every time" in line for line in target.lines) == 5
    handler.close()
    assert target.lines[-2].endswith("gate: lost frame 4 (… 2 more like this)\n")
    assert target.lines[-1].endswith("yard: lost frame 4 (… 2 more like this)\n")


def test_a_list_is_told_to_its_end() -> None:
    target = Target()
    log_to(target, log_setup.TextFormatter())
    for number in range(5):
        logging.getLogger("room").error("mistake %d", number, extra=log_setup.EVERY)
    assert [line.split()[-1] for line in target.lines] == list("01234")


def test_a_flood_is_counted_in_json() -> None:
    target = Target()
    handler = log_to(target, log_setup.JsonFormatter())
    for number in range(5):
        logging.getLogger("room").error("full %d", number)
    handler.close()
    entries = [json.loads(line) for line in target.lines]
    assert [entry.get("more") for entry in entries] == [None, None, 2]


@pytest.mark.parametrize("failure", [BrokenPipeError(), OSError(errno.ENOSPC, "full"), ValueError("closed")])
def test_a_target_that_fails_costs_lines_and_says_how_many(
    failure: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    target = Target()
    log_to(target, log_setup.TextFormatter())
    logger = logging.getLogger("room")
    target.failure = failure
    logger.warning("rtsp://user:secret@h/x")
    logger.error("again")
    target.failure = None
    logger.info("there again")
    logger.info("and again")
    assert [line[9:] for line in target.lines] == [
        "INFO    there again (… 2 lines before it could not be written)\n",
        "INFO    and again\n",
    ]
    assert capsys.readouterr() == ("", "")


def test_a_record_that_cannot_be_formatted_is_one_of_them() -> None:
    target = Target()
    log_to(target, log_setup.JsonFormatter())
    logging.getLogger("room").info("%d", "no number")
    logging.getLogger("room").info("fine")
    assert json.loads(target.lines[0])["lost"] == 1


def test_the_journal_learns_the_severity_of_every_line() -> None:
    target = Target()
    log_to(target, log_setup.TextFormatter(), journal=True)
    logging.getLogger("room").warning("one\ntwo")
    logging.getLogger("room").debug("three")
    assert [line[:3] for text in target.lines for line in text.splitlines()] == ["<4>", "<4>", "<7>"]


def test_the_journal_is_known_by_its_inode(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="utf-8") as file:
        found = os.fstat(file.fileno())
        assert log_setup.goes_to_journal(file, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not log_setup.goes_to_journal(file, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not log_setup.goes_to_journal(file, {})
    assert not log_setup.goes_to_journal(file, {"JOURNAL_STREAM": "1:1"})  # closed
    assert not log_setup.goes_to_journal(io.StringIO(), {"JOURNAL_STREAM": "1:1"})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("target", ["full", "closed pipe"])
def test_a_process_whose_log_fails_ends_as_it_would(target: str) -> None:
    code = (
        "import logging\n"
        "from streamseg.daemon.process import log_setup as logs\n"
        "logs.set_up('info', 'json')\n"
        "for n in range(3): logging.getLogger('room').warning('said %d', n)\n"
        "print('alive')\n"
    )
    read, write = os.pipe()
    os.close(read)
    with Path("/dev/full").open("wb") as full:
        err = full if target == "full" else write
        done = subprocess.run([sys.executable, "-c", code], stdout=-1, stderr=err, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stdout) == (0, "alive\n")


@pytest.mark.real
@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed (tests/parts/apt.txt)")
def test_the_docs_line_for_jq_works_as_it_is_written() -> None:
    (line,) = re.findall(r"^journalctl .* \| (jq .*)$", DEPLOYMENT.read_text(encoding="utf-8"), re.MULTILINE)
    out = io.StringIO()
    log_setup.set_up("info", "json", out)
    log_setup.stream_logger("room", "yard").warning("not this")
    log_setup.stream_logger("room", "gate").warning('lost "it"')
    journal = f"Started streamseg.service - live video in.\n{out.getvalue()}Stopping streamseg.service...\n"
    done = subprocess.run(shlex.split(line), input=journal, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, 'warning\tlost "it"\n', "")
