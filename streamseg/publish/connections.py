"""The connections that peers made to the socket: told of by libzmq, bounded in number, closed one by one.

libzmq has no call that ends one peer of an XPUB socket. It tells each connection's descriptor, though:
zmq_socket_monitor(3) when one is accepted and when it ends, ZMQ_SRCFD of zmq_msg_get(3) with every message.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Callable, Sequence

import zmq

EVENTS = int(zmq.Event.ACCEPTED | zmq.Event.DISCONNECTED)
EVENTS_AT_ONCE = 256

_EVENT = struct.Struct("=Hi")  # the first frame of an event: what happened, and a value, here the descriptor
_DRAIN_BYTES = 2**16
_DRAIN_TIMES = 256


def open_monitor(xpub: zmq.Socket[bytes]) -> zmq.Socket[bytes]:
    """Have libzmq tell of a socket's connections; before it is bound, or some are missed."""
    address = f"inproc://connections-{id(xpub)}"
    xpub.monitor(address, EVENTS)
    monitor: zmq.Socket[bytes] = xpub.context.socket(zmq.PAIR)
    monitor.setsockopt(zmq.LINGER, 0)
    monitor.setsockopt(zmq.RCVHWM, 0)  # a full queue would stop libzmq's I/O thread
    monitor.connect(address)
    return monitor


def source(frame: zmq.Frame) -> int | None:
    """The descriptor of the connection a message came by; None for what libzmq made up itself."""
    try:
        return int(frame.get(zmq.SRCFD))
    except zmq.ZMQError:
        return None


class Connections:
    """Belongs to the thread that owns the socket.

    Args:
        monitor: From `open_monitor`.
        addresses: Where the socket is bound.
        most: Connections allowed at once; any more are closed as soon as they are told of.
        joined: Told of each connection that may stay, by its descriptor.
        left: Told when it has ended; only after that is there another of that number.
        refused: Told of each connection that was closed because there were too many.
    """

    def __init__(
        self,
        monitor: zmq.Socket[bytes],
        addresses: Sequence[str],
        most: int,
        *,
        joined: Callable[[int], None],
        left: Callable[[int], None],
        refused: Callable[[], None],
    ) -> None:
        self._monitor = monitor
        self._ports = {int(a.rpartition(":")[2]) for a in addresses if a.startswith("tcp://")}
        self._paths = {a.removeprefix("ipc://") for a in addresses if a.startswith("ipc://")}
        self._most = most
        self._joined, self._left, self._refused = joined, left, refused
        self._open: set[int] = set()
        # to close a connection where the process has no file left to open
        self._null, self._spare = (os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(2))

    def __len__(self) -> int:
        return len(self._open)

    def update(self) -> bool:
        """Take in what happened; false where there is more than fits one turn."""
        for _ in range(EVENTS_AT_ONCE):
            try:
                head, _address = self._monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return True
            event, fd = _EVENT.unpack(head)
            if event == zmq.Event.ACCEPTED:
                self._accept(fd)
            elif event == zmq.Event.DISCONNECTED and fd in self._open:
                self._open.discard(fd)
                self._left(fd)
        return False

    def cut(self, fd: int) -> None:
        """End a connection; libzmq tells of it as if the peer had gone. Idempotent."""
        with contextlib.suppress(OSError):  # it has ended, and the number is nobody's or a plain file's
            os.dup2(fd, self._spare, inheritable=False)  # whatever becomes of the number from here on
            connection = socket.socket(fileno=self._spare)
            try:
                if self._is_peer(connection):
                    _cut(connection)
            finally:
                connection.detach()
        os.dup2(self._null, self._spare, inheritable=False)

    def close(self) -> None:
        """Let go of what is held; no connection is closed."""
        os.close(self._null)
        os.close(self._spare)

    def _accept(self, fd: int) -> None:
        if len(self._open) >= self._most:
            self.cut(fd)
            self._refused()
            return
        self._open.add(fd)
        self._joined(fd)

    def _is_peer(self, connection: socket.socket) -> bool:
        """By now the number may belong to a camera: only what was accepted at our addresses is a peer."""
        name = connection.getsockname()
        if connection.family == socket.AF_UNIX:
            path = os.fsdecode(name)
            return (f"@{path[1:]}" if path.startswith("\0") else path) in self._paths
        return connection.family in (socket.AF_INET, socket.AF_INET6) and name[1] in self._ports


def _cut(connection: socket.socket) -> None:
    """End both ways, and throw away what has come: libzmq would read all of it before it saw the end."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
        for _ in range(_DRAIN_TIMES):
            if not connection.recv(_DRAIN_BYTES, socket.MSG_DONTWAIT):
                return
