"""The status thread on a real socket."""

from __future__ import annotations

import json
import logging
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from streamseg.concurrency.deadline import Deadline
from streamseg.errors import EXIT_UNEXPECTED, StreamsegError
from streamseg.status.registry import StatusRegistry
from streamseg.status.web.auth import AccessPolicy
from streamseg.status.web.server import Settings, StatusServer
from tests.status.boards import make_board
from tests.status.masks import mask
from tests.waiting import time_limit, wait_for

LOCAL = Settings("127.0.0.1:0")


@contextmanager
def serving(settings: Settings = LOCAL, board: StatusRegistry | None = None) -> Iterator[StatusServer]:
    server = StatusServer(board or make_board(), settings, lambda: {"engine": True})
    server.start()
    yield server
    server.stop()
    assert server.join(Deadline(time_limit(60)))


def get(server: StatusServer, path: str) -> Any:
    with urllib.request.urlopen(f"http://{server.address}{path}", timeout=time_limit(60)) as answer:
        return json.load(answer)


def look(server: StatusServer) -> AbstractContextManager[ClientConnection]:
    return connect(f"ws://{server.address}/live", compression=None, open_timeout=time_limit(60))


def test_it_answers_until_it_is_stopped() -> None:
    with serving() as server:
        assert get(server, "/healthz")["alive"]
    assert not server._stage.alive
    with pytest.raises(urllib.error.URLError):
        get(server, "/healthz")


def test_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with serving(Settings("[::1]:0")) as server:
        assert server.address.startswith("[::1]:")
        assert get(server, "/healthz")["alive"]


def test_a_page_is_told_and_shown(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as server, look(server) as page:
        page.send(json.dumps({"streams": ["gate"], "detail": "gate"}))
        wait_for(lambda: server._hub.wanted("gate"))
        server.offer(mask("yard"))
        server.offer(mask("gate", seq=7))
        shown, summary = b"", dict[str, Any]()
        while not shown or not summary.get("curves"):  # a text a second, and the picture among them
            if isinstance(message := page.recv(time_limit(60)), bytes):
                shown = message
            else:
                summary = json.loads(message)
        assert summary["streams"][0]["name"] == "gate"
        assert len(summary["curves"]["gate"]["age_ms"]) >= 1
        assert [event["what"] for event in summary["events"]] == ["running", "model"]
    assert b'"stream":"gate","seq":7' in shown
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_open_pages_do_not_hold_up_its_end() -> None:
    server = StatusServer(make_board(), LOCAL, dict)
    server.start()
    with look(server) as page:
        page.recv(time_limit(60))
        server.stop()
        assert server.join(Deadline(time_limit(60)))
        with pytest.raises(ConnectionClosed):
            list(page)


def test_a_page_that_does_not_read_holds_up_nobody() -> None:
    with serving() as server, look(server) as deaf, look(server) as page:
        for one in (deaf, page):
            one.send(json.dumps({"streams": ["gate"]}))
        wait_for(
            lambda: all(viewer.streams for viewer in server._hub.viewers) and len(server._hub.viewers) == 2
        )
        server.offer(mask("gate"))
        while not isinstance(page.recv(time_limit(60)), bytes):
            pass


def test_a_busy_port_may_be_free_at_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        server = StatusServer(make_board(), Settings(address), dict)
        with pytest.raises(StreamsegError, match=f"status.bind: {address}: Address already in use") as caught:
            server.start()
    assert caught.value.exit_code == EXIT_UNEXPECTED
    server.stop()
    assert server.join(Deadline(time_limit(60)))


def test_an_address_that_is_not_there() -> None:
    server = StatusServer(
        make_board(), Settings("203.0.113.7:8600", AccessPolicy("t" * 20, loopback=False)), dict
    )
    with pytest.raises(StreamsegError, match=r"status\.bind: 203\.0\.113\.7:8600"):
        server.start()


def test_without_a_token_it_listens_to_this_machine_alone(caplog: pytest.LogCaptureFixture) -> None:
    with serving(Settings("0.0.0.0:0", AccessPolicy(loopback=False))) as server:
        assert server.address == ""
    assert "not served without a token" in caplog.text


def test_an_error_of_ours_ends_it_with_a_traceback(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = StatusServer(make_board(), LOCAL, dict)

    async def broken() -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(server._hub, "_hand_out", broken)
    server.start()
    with look(server) as page:
        page.send(json.dumps({"streams": ["gate"]}))
        wait_for(lambda: server._hub.wanted("gate"))
        server.offer(mask())
        assert server.join(Deadline(time_limit(60)))
    assert "thread status crashed" in caplog.text
    assert "a bug" in caplog.text
    server.offer(mask())  # to nobody


def test_a_mask_that_cannot_be_encoded_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    with serving(LOCAL) as server, look(server) as page:
        page.send(json.dumps({"streams": ["gate"]}))
        wait_for(lambda: server._hub.wanted("gate"))
        server.offer(replace(mask(), rgb=np.zeros((0, 0, 3), np.uint8)))  # no JPEG can be made of it
        wait_for(lambda: "cannot be shown" in caplog.text)
        assert "cv2" in caplog.text
        assert get(server, "/healthz")["alive"]


def test_nothing_asked_for_nothing_done() -> None:
    with serving(Settings()) as server:
        server.offer(mask())
        assert not server._stage.alive


def test_health_without_the_page() -> None:
    with serving(replace(LOCAL, page=False)) as server:
        assert get(server, "/healthz")["alive"]
        with pytest.raises(Exception, match="HTTP"):
            look(server)


def test_a_stop_before_the_server_is_there() -> None:
    server = StatusServer(make_board(), LOCAL, dict)
    server.start()
    server.stop()
    assert server.join(Deadline(time_limit(60)))
