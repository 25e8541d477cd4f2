"""A password of any characters through all of the program, from the configuration to whoever reads of it."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
import zmq
from hypothesis import example, given
from hypothesis import strategies as st

from examples.daemon import Daemon, running
from streamseg.config import parse
from streamseg.config.render import shown
from streamseg.config.schema import Config
from streamseg.daemon.process.log_setup import JsonFormatter, TextFormatter
from streamseg.daemon.status_text import first_line
from streamseg.errors import ConfigError
from streamseg.status.registry import StatusRegistry
from streamseg.status.web.api import events, summary
from streamseg.types import StateChange, StreamState
from tests.fakes.packages import make_package
from tests.waiting import time_limit, wait_for

PRINTABLE = "".join(chr(code) for code in range(32, 127)) + "äß€😀"
# A $ begins a variable. The letters in the midst make it a word that nothing else says.
some = st.text(PRINTABLE.replace("$", ""), max_size=8)
passwords = st.builds("{}Zq9{}".format, some, some).filter(lambda text: len(text) >= 4)
HARD = ("a'b", 'q"r<s>t u', "slash/and?mark=x", "x://y@z", "\\\\n{}%s", "ää€ 😀", "12345", "#;&=:")


def document(password: str, **more: Any) -> dict[str, Any]:
    source = {"url": f"rtsp://viewer:{password}@cam.example/live", **more}
    return {"streams": {"gate": {"source": source}}}


def parsed(content: dict[str, Any]) -> Config:
    return parse(yaml.safe_dump(content, allow_unicode=True), "c.yaml", {})


def url_of(password: str) -> str:
    url = parsed(document(password)).streams["gate"].source.url
    assert f":{password}@" in url
    return url


def read_status(address: str) -> str:
    """What the socket says of the states of all streams."""
    with zmq.Context() as context, context.socket(zmq.SUB) as listener:
        listener.connect(address)
        listener.subscribe(b"")
        content = b""
        for _ in HARD:
            assert listener.poll(int(time_limit(60) * 1000))
            content += b"".join(listener.recv_multipart())
    return content.decode()


@given(passwords)
@example(HARD[0])
@example(HARD[1])
@example(HARD[3])
def test_config_show_and_errors_tell_no_password(password: str) -> None:
    config = parsed(document(password))
    assert password not in yaml.safe_load(shown(config))["streams"]["gate"]["source"]["url"]
    wrong = document(password, transport="pigeon", nonsense=f"rtsp://a:{password}@b")
    wrong["streams"][f"http://c:{password}@d"] = f"rtsp://e:{password}@f"
    with pytest.raises(ConfigError) as error:
        parsed(wrong)
    assert password not in str(error.value)
    assert "transport" in str(error.value)


@given(passwords)
@example(HARD[1])
@example(HARD[4])
def test_logs_tell_no_password(password: str) -> None:
    url = url_of(password)
    record = logging.LogRecord("av", logging.ERROR, "", 0, "%s: refused, %r", (url, url), None)
    assert password not in TextFormatter().format(record)
    entry = json.loads(JsonFormatter().format(record))
    assert password not in entry["message"]
    assert "refused" in entry["message"]


@given(passwords)
@example(HARD[2])
@example(HARD[5])
def test_states_and_the_page_tell_no_password(password: str) -> None:
    error = OSError(f"[Errno 111] Connection refused: {url_of(password)!r}")
    assert password not in first_line(error)
    change = StateChange("gate", StreamState.BACKOFF, 1.0, "refused", str(error))
    assert password not in change.message
    board = StatusRegistry(lambda: 1.0, lambda: 1.0)
    board.add("gate")
    board.changed(change)
    seen = board.snapshots()
    told = [*summary(seen, 1.0)["streams"], *events(board.events("gate"))]
    texts = [value for one in told for value in one.values() if isinstance(value, str)]
    assert "refused" in texts
    assert not [text for text in texts if password in text]


def camera(host: str, password: str) -> dict[str, str]:
    """A source: what ends a URL's host cannot stand in a password within it (FFmpeg finds no port then)."""
    if set(password) & set("/?#"):
        return {"url": f"rtsp://viewer@{host}/live", "password": password}
    return {"url": f"rtsp://viewer:{password}@{host}/live"}


def read_page(daemon: Daemon) -> str:
    """What the status server says of all streams, once it says that one cannot be reached."""
    said = daemon.log.read_text
    wait_for(lambda: "http://127.0.0.1:" in said() or daemon.exit_code is not None, 60, "the page's address")
    port = said().partition("http://127.0.0.1:")[2].split("/")[0].split('"')[0].split()[0].rstrip(".,;")
    content = ""

    def told() -> bool:
        nonlocal content
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/streams", timeout=time_limit(60)) as answer:
            content = answer.read().decode()
        return '"backoff"' in content

    wait_for(told, 60, "the stream's failure on the page")
    return content


def test_a_daemon_whose_cameras_refuse_tells_no_password(tmp_path: Path) -> None:
    package = make_package(tmp_path / "engines")
    with socket.socket() as refusing:  # bound, and nobody listens
        refusing.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{refusing.getsockname()[1]}"
        config = {
            "engine": {"model": str(package.path), "cache_dir": str(tmp_path / "cache")},
            "publish": {"bind": [f"ipc://{tmp_path}/masks"]},
            "status": {"bind": "127.0.0.1:0"},
            "streams": {
                f"cam{number}": {"source": camera(host, password)} for number, password in enumerate(HARD)
            },
        }
        with running(config, tmp_path) as daemon:
            page, status = read_page(daemon), read_status(f"ipc://{tmp_path}/masks")
            log = daemon.log.read_text()
        command = [sys.executable, "-m", "streamseg", "config", "show", str(tmp_path / "daemon.yaml")]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert '"backoff"' in status
    assert "cam0" in log
    for password in HARD:
        for text in (page, status, log, told):
            assert password not in text
            assert json.dumps(password)[1:-1] not in text
