"""The listening end of sd_notify: a datagram socket that asks the kernel who sent, as systemd's does."""

from __future__ import annotations

import array
import queue
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from tests.waiting import time_limit

SOON_S = time_limit(60)
_UCRED = struct.Struct("3i")  # pid, uid, gid: unix(7), SCM_CREDENTIALS


@dataclass(frozen=True)
class Told:
    """One message: its `KEY=value` lines, and the process that the kernel says it came from."""

    fields: dict[str, str]
    pid: int


class Manager:
    """Listens at `address`, a path or `@name`; a context manager.

    Like systemd it reads whatever comes as it comes: the kernel keeps ten datagrams, and what a daemon says
    while a test is busy with something else would be lost.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._told: queue.SimpleQueue[Told] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="manager")
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the reader
        self._reader.join()
        self._socket.close()

    def _read(self) -> None:
        while True:
            data, ancillary, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(_UCRED.size))
            if not data:
                return
            (pid,) = (
                _UCRED.unpack(array.array("B", sent).tobytes())[0]
                for level, kind, sent in ancillary
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS)
            )
            self._told.put(Told(dict(line.split("=", 1) for line in data.decode().split("\n")), pid))

    def next(self, timeout_s: float = SOON_S) -> Told:
        """The next message. Raises TimeoutError where none comes."""
        try:
            return self._told.get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError(f"nothing was told in {timeout_s:g} s") from None

    def until(self, key: str, timeout_s: float = SOON_S) -> Iterator[Told]:
        """Messages up to and with the first that has `key`. Raises TimeoutError where a pause is too long."""
        while True:
            told = self.next(timeout_s)
            yield told
            if key in told.fields:
                return
