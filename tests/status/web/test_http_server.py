"""The status thread under attack, on real sockets."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage
from websockets.sync.client import ClientConnection, connect

from streamseg.concurrency.deadline import Deadline
from streamseg.status.web import http_server
from streamseg.status.web.auth import AccessPolicy
from streamseg.status.web.broadcast import MOST_VIEWERS_PER_NETWORK
from streamseg.status.web.connections import ConnectionLimits
from streamseg.status.web.server import Settings, StatusServer
from streamseg.status.web.websocket import TRY_AGAIN_LATER
from tests.status.boards import make_board
from tests.status.masks import mask
from tests.status.site import LOCKED, TOKEN
from tests.waiting import time_limit, wait_for

CROWD = 200
HEALTH = ("/healthz", "/readyz", "/metrics")
HALF_A_HEAD = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-a: "
UPGRADE = (
    b"GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@contextmanager
def serving(door: AccessPolicy | None = None) -> Iterator[StatusServer]:
    server = StatusServer(make_board(), Settings("127.0.0.1:0", door or AccessPolicy()), dict)
    server.start()
    yield server
    server.stop()
    assert server.join(Deadline(time_limit(60)))


def dial(address: str, said: bytes = b"") -> socket.socket:
    host, _, port = address.rpartition(":")
    dialled = socket.create_connection((host, int(port)), timeout=time_limit(60))
    dialled.sendall(said)
    return dialled


def open_page(address: str, frame: bytes = b"") -> socket.socket:
    """A web socket without a client behind it, and a frame sent on it."""
    page = dial(address, UPGRADE)
    assert page.recv(64).startswith(b"HTTP/1.1 101")
    page.sendall(frame)
    return page


def status_at(address: str, path: str, authorization: str = "") -> int:
    headers = {"authorization": authorization} if authorization else {}
    request = urllib.request.Request(f"http://{address}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=time_limit(60)) as answer:  # noqa: S310  # a loopback address
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def closed_by_the_server(dialled: socket.socket) -> bool:
    """Reads what comes until the other side closes; fails where it does not within the socket's timeout."""
    with contextlib.suppress(ConnectionError):
        while dialled.recv(65536):
            pass
    return True


@pytest.fixture
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = ConnectionLimits(head_s=0.2, request_s=0.2, closing_s=0.2)
    monkeypatch.setattr(http_server, "ConnectionLimits", lambda: limits)


def test_silent_connections_and_web_sockets_leave_room_for_health_checks() -> None:
    with serving() as server, ExitStack() as held:
        for said in [b""] * CROWD + [HALF_A_HEAD] * CROWD + [UPGRADE] * CROWD:
            held.enter_context(dial(server.address, said))
        assert [status_at(server.address, path) for path in HEALTH for _ in range(10)] == [200] * 30


def test_beyond_its_bound_an_address_loses_its_oldest_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = ConnectionLimits(per_network=4, head_s=600.0)
    monkeypatch.setattr(http_server, "ConnectionLimits", lambda: limits)
    with serving() as server, ExitStack() as held:
        dialled = [held.enter_context(dial(server.address)) for _ in range(limits.per_network + 3)]
        assert all(closed_by_the_server(one) for one in dialled[:3])
        dialled[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert dialled[-1].recv(65536).startswith(b"HTTP/1.1 200")


def test_so_do_requests_whose_peers_do_not_read() -> None:
    asked = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000
    with serving() as server, ExitStack() as held:
        for _ in range(CROWD):
            deaf = held.enter_context(dial(server.address))
            deaf.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                deaf.send(asked)
        assert [status_at(server.address, path) for path in HEALTH] == [200] * 3


@pytest.mark.usefixtures("short_limits")
@pytest.mark.parametrize(
    "said",
    [
        b"",
        HALF_A_HEAD,
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n",
    ],
    ids=["silent", "half a head", "idle", "half a body"],
)
def test_a_connection_that_says_no_more_is_closed(said: bytes) -> None:
    with serving(LOCKED) as server, dial(server.address, said) as dialled:
        assert closed_by_the_server(dialled)


@pytest.mark.usefixtures("short_limits")
def test_bytes_now_and_then_do_not_keep_it_open() -> None:
    with serving() as server, dial(server.address, HALF_A_HEAD) as dialled:
        dialled.settimeout(0.05)

        def closed() -> bool:
            with contextlib.suppress(TimeoutError):
                try:
                    dialled.sendall(b"a")
                    return dialled.recv(1) == b""
                except ConnectionError:
                    return True
            return False

        wait_for(closed, 60, "the connection's end")


def open_in_time(server: StatusServer) -> ClientConnection:
    """A page; one whose request takes longer than the limits, on a slow machine, is opened again."""
    opened: list[ClientConnection] = []

    def is_open() -> bool:
        with contextlib.suppress(OSError, InvalidMessage):
            opened.append(
                connect(f"ws://{server.address}/live", compression=None, open_timeout=time_limit(60))
            )
        return bool(opened)

    wait_for(is_open, what="a page")
    return opened[0]


@pytest.mark.usefixtures("short_limits")
def test_open_pages_outlive_the_limits_of_requests() -> None:
    with serving() as server, open_in_time(server) as page:
        page.send(json.dumps({"streams": []}))
        for _ in range(3):  # a summary a second
            page.recv(time_limit(60))


def test_one_page_too_many_is_told_so_and_others_stay() -> None:
    with serving() as server, ExitStack() as held:
        pages = [
            held.enter_context(
                connect(f"ws://{server.address}/live", compression=None, open_timeout=time_limit(60))
            )
            for _ in range(MOST_VIEWERS_PER_NETWORK)
        ]
        for page in pages:
            page.send(json.dumps({"streams": ["gate"]}))
            page.recv(time_limit(60))
        with connect(f"ws://{server.address}/live", compression=None, open_timeout=time_limit(60)) as late:
            with pytest.raises(ConnectionClosed) as closed:
                late.recv(time_limit(60))
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == TRY_AGAIN_LATER
        assert pages[0].recv(time_limit(60))


def test_wrong_tokens_wait_and_right_ones_do_not(caplog: pytest.LogCaptureFixture) -> None:
    with serving(LOCKED) as server, ExitStack() as held:
        wrong = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong-one\r\n\r\n"
        guesses = [held.enter_context(dial(server.address, wrong)) for _ in range(20)]
        wait_for(lambda: "wrong token" in caplog.text)
        assert (
            status_at(server.address, "/metrics", f"Bearer {TOKEN}") == 200
        )  # does not wait for the guesses
        assert guesses[0].recv(65536).startswith(b"HTTP/1.1 401")
        assert status_at(server.address, "/healthz") == 200
    told = [record for record in caplog.records if "wrong token" in record.getMessage()]
    assert "from 127.0.0.1" in told[0].getMessage()
    assert len(told) <= 3
    assert "wrong-one" not in caplog.text


def test_guesses_that_wait_do_not_hold_up_the_end() -> None:
    with serving(LOCKED) as server:
        for _ in range(8):
            dial(server.address, b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wrong\r\n\r\n").close()
        assert status_at(server.address, "/healthz") == 200


def test_nonsense_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    not_utf8 = b"\x81\x82\0\0\0\0\xff\xfe"
    with serving() as server:
        for _ in range(20):
            with dial(server.address, b"\x16\x03\x01\r\n\r\n") as dialled:
                assert closed_by_the_server(dialled)
            with open_page(server.address, not_utf8) as page:
                assert closed_by_the_server(page)
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) <= 2


def test_readers_that_do_not_read_do_not_hold_up_the_end() -> None:
    with serving() as server, ExitStack() as held:
        for _ in range(MOST_VIEWERS_PER_NETWORK):
            held.enter_context(open_page(server.address, b"\x81\x94\0\0\0\0" + b'{"streams":["gate"]}'))
        wait_for(lambda: server._hub.wanted("gate"))
        held.enter_context(dial(server.address, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 500))
        server.offer(mask())
        server.stop()
        assert server.join(Deadline(time_limit(60)))


OUT_OF_FILES = """
import logging, os, resource, sys
from streamseg.status.web.server import Settings, StatusServer
from tests.status.boards import make_board
logging.basicConfig()
server = StatusServer(make_board(), Settings("127.0.0.1:0"), dict)
server.start()
print(server.address, flush=True)
sys.stdin.readline()  # a request was answered, so that all is imported
spare = [os.open(os.devnull, os.O_RDONLY)]
resource.setrlimit(resource.RLIMIT_NOFILE, (spare[0] + 8, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    while True:
        spare.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    print("full", flush=True)
sys.stdin.readline()
for held in spare:
    os.close(held)
sys.stdin.readline()
"""


def test_out_of_file_descriptors_it_waits_and_says_so_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", OUT_OF_FILES]
    with (
        log.open("wb") as stderr,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr) as child,
        ExitStack() as held,
    ):
        held.callback(child.kill)
        assert child.stdin is not None
        assert child.stdout is not None
        address = child.stdout.readline().decode().strip()
        assert status_at(address, "/healthz") == 200
        child.stdin.write(b"\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"full\n"
        for _ in range(20):
            held.enter_context(dial(address))
        wait_for(
            lambda: "no connection can be accepted: Too many open files" in log.read_text(), 60, "a line"
        )
        child.stdin.write(b"\n")
        child.stdin.flush()
        assert status_at(address, "/healthz") == 200
    assert len(log.read_text().splitlines()) == 1
