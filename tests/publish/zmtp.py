"""A peer that speaks ZMTP 3.0 (RFC 23 of ZeroMQ) by hand, for what libzmq would not send."""

from __future__ import annotations

import socket
from typing import Self

from tests.waiting import time_limit

_MORE, _LONG, _COMMAND = 1, 2, 4


class RawPeer:
    """A subscriber on a plain socket that may send whatever it likes; `address` as ZeroMQ writes it."""

    def __init__(self, address: str) -> None:
        if address.startswith("ipc://"):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(time_limit(60))
            self._socket.connect(address.removeprefix("ipc://"))
        else:
            host, port = address.removeprefix("tcp://").rsplit(":", 1)
            self._socket = socket.create_connection((host, int(port)), timeout=time_limit(60))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def greet(self) -> Self:
        """Shake hands as a subscriber; nothing else may be sent before that is done."""
        self._socket.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
        self.send(b"\x05READY\x0bSocket-Type" + (3).to_bytes(4, "big") + b"SUB", command=True)
        self._receive(64)  # the other end's greeting
        _, length = self._receive(2)
        self._receive(length)  # its READY
        return self

    def send(self, *frames: bytes, more: bool = False, command: bool = False) -> None:
        """Send frames, each a message; with `more`, each but a part of one that is never whole."""
        self._socket.sendall(b"".join(_frame(frame, more * _MORE | command * _COMMAND) for frame in frames))

    def subscribe(self, *filters: bytes) -> None:
        self.send(*(b"\x01" + wanted for wanted in filters))

    def unsubscribe(self, *filters: bytes) -> None:
        self.send(*(b"\x00" + wanted for wanted in filters))

    def is_closed(self) -> bool:
        """Whether the other end has closed the connection by now."""
        self._socket.settimeout(0.01)
        try:
            while self._socket.recv(4096):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    def _receive(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            part = self._socket.recv(count - len(received))
            assert part, "the other end has closed the connection"
            received += part
        return received

    def close(self) -> None:
        self._socket.close()


def _frame(content: bytes, flags: int) -> bytes:
    if len(content) > 255:
        return bytes([flags | _LONG]) + len(content).to_bytes(8, "big") + content
    return bytes([flags, len(content)]) + content
