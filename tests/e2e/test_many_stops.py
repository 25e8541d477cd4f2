"""A hundred stops on a busy machine, while nobody who subscribes reads: the exit code is 0 each time."""

from __future__ import annotations

import base64
import json
import socket
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq

from examples.daemon import Daemon, running
from streamseg.client.subscription import subscribe
from tests.capture.conftest import write_clip
from tests.long_tier import Rounds
from tests.steady import busy_processes
from tests.waiting import time_limit

pytestmark = [pytest.mark.long, pytest.mark.tree, pytest.mark.timeout(time_limit(4 * 3600))]

STOPS = 100
BUSY = 8


@contextmanager
def deaf_subscriber(address: str) -> Iterator[None]:
    """A SUB socket with the shortest queue there is, that never reads."""
    with zmq.Context() as context, closing(context.socket(zmq.SUB)) as sub:
        sub.setsockopt(zmq.LINGER, 0)
        sub.setsockopt(zmq.RCVHWM, 1)
        sub.setsockopt(zmq.RCVBUF, 4096)
        sub.subscribe(b"")
        sub.connect(address)
        yield


@contextmanager
def deaf_page(page: str) -> Iterator[None]:
    """A web socket on `/live` that asks for the stream's pictures and never reads."""
    host, _, port = page.rpartition(":")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(time_limit(60))
        client.connect((host, int(port)))
        key = base64.b64encode(bytes(16)).decode()
        head = {"Host": page, "Upgrade": "websocket", "Connection": "Upgrade"}
        head |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        client.sendall(f"GET /live HTTP/1.1\r\n{lines}\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 101"
        wish = json.dumps({"streams": ["gate"]}).encode()
        client.sendall(bytes([0x81, 0x80 | len(wish), 0, 0, 0, 0]) + wish)  # masked with zeros: RFC 6455
        yield


def config(package: Path, clip: Path) -> dict[str, Any]:
    return {
        "engine": {"model": str(package), "precision": "f32", "threads": 1},
        "publish": {"bind": ["tcp://127.0.0.1:0"], "pictures": True},
        "status": {"bind": "127.0.0.1:0"},
        "streams": {"gate": {"source": {"url": str(clip), "loop": True}}},
    }


def stop(daemon: Daemon) -> tuple[int, float]:
    """Stops a daemon at work that nobody reads from; its exit code, and the seconds it took."""
    with ExitStack() as deaf:
        for _ in range(2):
            deaf.enter_context(deaf_subscriber(daemon.address))
            deaf.enter_context(deaf_page(daemon.page))
        with subscribe(daemon.address, stream="gate", timeout_s=time_limit(90)) as masks:
            for _ in range(5):
                next(masks)
        return daemon.stop(timeout_s=time_limit(90))


def test_every_stop_is_clean(engines: Path, tmp_path: Path, rounds: Rounds) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=50, size_wh=(640, 480))
    with busy_processes(BUSY):
        for number in rounds.left(STOPS):
            with running(config(engines, clip), tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache")) as daemon:
                code, seconds = stop(daemon)
            assert code == 0, f"stop {number}: {daemon.log.read_text(errors='replace')}"
            rounds.done(f"{seconds:.2f}")
    took_s = [float(seconds) for seconds in rounds.results]
    print(f"{len(took_s)} stops: median {statistics.median(took_s):.2f} s, longest {max(took_s):.2f} s")
