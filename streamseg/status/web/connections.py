"""Which connections the status server keeps: bounds, time limits, and who gives way when there is no room.

A request is answered within a few turns of the event loop, whatever it asks for, so a connection that has
been silent, idle or busy for longer waits for its peer. Room is therefore made by closing one of those, the
oldest first: a peer that holds connections open takes them from itself and from others like it, never from
the next health check. Open web sockets are kept; `streamseg.status.web.broadcast` bounds their number, well
below the limits here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from streamseg.net import peer_network

Peer = tuple[str, int]


class Transport(Protocol):
    """What is used of `asyncio.Transport`."""

    def is_closing(self) -> bool:
        """Whether it is closed, or will be once all is sent."""
        ...

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...


class ConnectionState(IntEnum):
    """What a connection waits for; the lower ones give way first."""

    CLOSING = 0  # for its peer to take the rest and close
    SILENT = 1  # for its first request
    IDLE = 2  # for another request
    REQUEST = 3  # a request is being answered
    WEBSOCKET = 4


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds; the times are seconds.

    Attributes:
        total: Connections at once.
        per_network: Of one address (IPv6: one /64 network) at once.
        head_s: From the connection, or the answer before, to the complete head of a request.
        request_s: From its head to the end of the answer, which its peer has to read.
        closing_s: For the peer to take the last bytes.
        settle_s: A connection that has waited for less gives way only where all others are as young: its
            request may be in the kernel's buffer already.
    """

    total: int = 96
    per_network: int = 48
    head_s: float = 5.0
    request_s: float = 20.0
    closing_s: float = 2.0
    settle_s: float = 0.25


@dataclass(slots=True)
class _Connection:
    transport: Transport
    network: str
    since_s: float
    state: ConnectionState = ConnectionState.SILENT

    @property
    def lost(self) -> bool:
        """Closed, with nothing left to be sent; asyncio has let go of it, or is about to."""
        return self.transport.is_closing() and not self.transport.get_write_buffer_size()


class ConnectionTable:
    """All connections of a server, by the address and port of their peer; for one event loop.

    Args:
        limits: The bounds.
        clock: Monotonic seconds.
    """

    def __init__(self, limits: ConnectionLimits, clock: Callable[[], float]) -> None:
        self._limits, self._clock = limits, clock
        self._connections: dict[Peer, _Connection] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def release_one(self) -> None:
        """Close the connection that would give way next, if there is one; frees a file descriptor."""
        self._forget_lost()
        self._evict(self._connections.items(), 1)

    def add(self, peer: Peer, transport: Transport) -> None:
        """Take in a connection that was just accepted, and close what has to give way to it."""
        self._forget_lost()
        network = peer_network(peer[0])
        own = [item for item in self._connections.items() if item[1].network == network]
        self._evict(own, len(own) + 1 - self._limits.per_network)
        self._evict(self._connections.items(), len(self._connections) + 1 - self._limits.total)
        self._connections[peer] = _Connection(transport, network, self._clock())

    def set_state(self, peer: Peer | None, state: ConnectionState) -> None:
        """Take in what a connection does now; one that was closed meanwhile is no error."""
        if peer is not None and (connection := self._connections.get(peer)):
            connection.state, connection.since_s = state, self._clock()

    def close_overdue(self) -> None:
        """Close what has waited longer than its limit; to be called about twice a second."""
        self._forget_lost()
        now_s = self._clock()
        for peer, connection in list(self._connections.items()):
            if connection.transport.is_closing() and connection.state is not ConnectionState.CLOSING:
                self.set_state(peer, ConnectionState.CLOSING)
            limit_s = self._limit_s(connection)
            if limit_s is not None and now_s - connection.since_s > limit_s:
                self._abort(peer)

    def abort_all(self) -> None:
        """Close every connection at once; what waits to be sent is lost."""
        for peer in list(self._connections):
            self._abort(peer)

    def _limit_s(self, connection: _Connection) -> float | None:
        if connection.state is ConnectionState.WEBSOCKET:
            return None  # pings find out whether its peer lives
        if connection.state is ConnectionState.CLOSING:
            return self._limits.closing_s
        if connection.state is ConnectionState.REQUEST or connection.transport.get_write_buffer_size():
            return self._limits.request_s
        return self._limits.head_s

    def _evict(self, candidates: Iterable[tuple[Peer, _Connection]], count: int) -> None:
        movable = [item for item in candidates if item[1].state is not ConnectionState.WEBSOCKET]
        movable.sort(key=lambda item: self._rank(item[1]))
        for peer, _ in movable[: max(count, 0)]:
            self._abort(peer)

    def _rank(self, connection: _Connection) -> tuple[bool, ConnectionState, float]:
        young = self._clock() - connection.since_s < self._limits.settle_s
        state = ConnectionState.CLOSING if young else connection.state  # the young: by their age alone
        return young, state, connection.since_s

    def _abort(self, peer: Peer) -> None:
        self._connections.pop(peer).transport.abort()

    def _forget_lost(self) -> None:
        self._connections = {peer: one for peer, one in self._connections.items() if not one.lost}
