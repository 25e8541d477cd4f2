"""Peers of the publishing socket: what they subscribe to, and what no peer may take for itself.

libzmq keeps every filter of every peer in a tree of its own, at 50 to 60 bytes of memory for each byte of a
filter, and walks the whole tree whenever a peer leaves. So peers are bounded in number and filters in length
(`sockets.INBOUND_BYTES`) and in cost, of each peer and of all together; past that a connection is closed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import zmq

from streamseg.concurrency.rate_limit import RateLimiter
from streamseg.publish.connections import Connections, source
from streamseg.publish.subscriptions import Subscriptions

HEARD_AT_ONCE = 64  # whoever sends more subscriptions than that does not keep masks waiting
PEER_COST = 2**16  # filters of a peer, in bytes of them: 2,300 of 20 bytes, 480 of the longest
ALL_COST = 2**18  # of all peers: what libzmq goes through whenever one of them leaves
WARN_EVERY_S = 60.0

_LOG = logging.getLogger(__name__)


class Peers:
    """Belongs to the thread that owns the socket.

    Args:
        xpub: The socket.
        monitor: What tells of its connections, from `open_monitor`.
        addresses: Where it is bound.
        subscriptions: Kept up to date.
        most: Connections allowed at once.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        xpub: zmq.Socket[bytes],
        monitor: zmq.Socket[bytes],
        addresses: Sequence[str],
        subscriptions: Subscriptions,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._xpub = xpub
        self._subscriptions = subscriptions
        self._most = most
        self._connections = Connections(
            monitor,
            addresses,
            most,
            joined=subscriptions.join,
            left=subscriptions.leave,
            refused=self._refuse,
        )
        self._heard: list[tuple[bytes, int]] = []
        self._warn_refused, self._warn_closed = (
            RateLimiter(WARN_EVERY_S, clock),
            RateLimiter(WARN_EVERY_S, clock),
        )

    def hear(self) -> list[bytes]:
        """Take in who came and left and who subscribed to what; never for long.

        Returns:
            The filters that were subscribed to and that a topic of ours can match.
        """
        # Messages are read before connections are: what is then known of those is newer than any of the
        # messages, so that none is taken for an older connection's of the same number.
        if not self._heard:
            self._heard = self._receive()
        if not self._connections.update():
            return []
        heard, self._heard = self._heard, []
        return [wanted for message, peer in heard if (wanted := self._take(message, peer)) is not None]

    def close(self) -> None:
        """Let go of what is held; no connection is closed."""
        self._connections.close()

    def __len__(self) -> int:
        return len(self._connections)

    def _receive(self) -> list[tuple[bytes, int]]:
        """Frame by frame: a message of parts without end would never be whole."""
        heard = []
        for _ in range(HEARD_AT_ONCE):
            try:
                frame = self._xpub.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            if (peer := source(frame)) is not None:  # else: libzmq tells what a peer that left had
                heard.append((frame.bytes, peer))
        return heard

    def _take(self, message: bytes, peer: int) -> bytes | None:
        wanted = self._subscriptions.take(message, peer)
        if self._subscriptions.cost_of(peer) > PEER_COST:
            self._cut(peer)
            return None
        if self._subscriptions.cost > ALL_COST and (worst := self._subscriptions.costliest()) is not None:
            self._cut(worst)
        return wanted

    def _cut(self, peer: int) -> None:
        self._subscriptions.leave(peer)
        self._connections.cut(peer)
        if (before := self._warn_closed.pass_on()) is not None:
            _LOG.warning(
                "a subscriber with more filters than are allowed was disconnected (%d others lately); "
                "it should subscribe to a prefix, such as seg/1/ for all streams",
                before,
            )

    def _refuse(self) -> None:
        if (before := self._warn_refused.pass_on()) is not None:
            _LOG.warning(
                "a subscriber was refused (%d others lately): %d are connected, and no more are allowed",
                before,
                self._most,
            )
