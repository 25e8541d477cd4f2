"""How soon `/healthz` answers while peers hold connections of the status server open.

    python -m benchmarks.http_load [--peers 200] [--rounds 50]

The server of this process has a board of 8 streams; another process asks, four times a second. `silent`: TCP
connections that say nothing; `websockets`: as many web sockets; `both`: each of them; `unread`: connections
that ask for `/metrics` over and over and read nothing. Every answer must be 200, or it ends with an error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from benchmarks.machine import describe
from benchmarks.scrape import ASK, full_board
from streamseg.concurrency.deadline import Deadline
from streamseg.status.web.server import Settings, StatusServer

UPGRADE = (
    b"GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SCRAPES = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500
KINDS: dict[str, tuple[bytes, ...]] = {
    "quiet": (),
    "silent": (b"",),
    "websockets": (UPGRADE,),
    "both": (b"", UPGRADE),
    "unread": (SCRAPES,),
}


@contextmanager
def serving() -> Iterator[str]:
    """The address of a status server of 8 streams."""
    server = StatusServer(full_board(8), Settings("127.0.0.1:0"), dict)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()
        server.join(Deadline(5))


def hold(address: str, said: bytes) -> socket.socket:
    """A connection that says `said` and then nothing; it never reads."""
    host, _, port = address.rpartition(":")
    held = socket.create_connection((host, int(port)), timeout=30)
    held.setblocking(False)
    with contextlib.suppress(BlockingIOError, ConnectionError):
        held.send(said)
    return held


def health_ms(address: str, kind: str, peers: int, rounds: int) -> list[float]:
    """Milliseconds of each health check while `peers` connections of each sort of `kind` are held.

    Raises:
        subprocess.CalledProcessError: One was not answered 200.
    """
    with ExitStack() as held:
        for said in KINDS[kind]:
            for _ in range(peers):
                held.enter_context(hold(address, said))
        command = [sys.executable, "-c", ASK, f"http://{address}/healthz", str(rounds)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    spent: list[float] = json.loads(done.stdout)
    return spent


def measure(peers: int, rounds: int) -> dict[str, object]:
    """Everything, the machine's name included."""
    figures: dict[str, object] = {}
    for kind in KINDS:
        with serving() as address:
            spent = health_ms(address, kind, peers, rounds)
        figures[f"{kind}_ms"] = {"p50": round(median(spent), 1), "most": round(max(spent), 1)}
    return {"machine": describe(), "peers": peers, **figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=50)
    asked = parser.parse_args()
    print(json.dumps(measure(asked.peers, asked.rounds), indent=2))


if __name__ == "__main__":
    main()
