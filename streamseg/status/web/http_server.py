"""HTTP and web sockets on one event loop: uvicorn's protocols behind an accept loop with bounds of its own.

asyncio's own server accepts whatever comes, and logs each of thousands of attempts once it is out of file
descriptors. uvicorn's limit of connections answers 503 to everybody, health checks too, once silent ones have
used it up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from email.utils import formatdate
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from streamseg.concurrency.rate_limit import RateLimiter
from streamseg.status.web.connections import ConnectionLimits, ConnectionState, ConnectionTable, Peer

AT_ONCE = 16  # connections accepted in one turn
SWEEP_S = 0.5
PAUSE_S = 0.5  # of accepting, where the system has no room for another connection
LOG_EVERY_S = 60.0
END_S = 0.5  # for handlers to see that their connections are gone
_LOG = logging.getLogger(__name__)
_UVICORN_LOGGER = "uvicorn.error"


class HttpServer:
    """Serves an application.

    Args:
        app: The application; `scope["client"]` tells it the peer.
        limits: Bounds of its connections.
    """

    def __init__(self, app: ASGIApp, limits: ConnectionLimits | None = None) -> None:
        self._table = ConnectionTable(limits or ConnectionLimits(), time.monotonic)
        self._config = uvicorn.Config(
            _track(app, self._table),
            http=H11Protocol,
            ws="websockets-sansio",
            ws_max_size=2**16,
            ws_per_message_deflate=False,  # pictures and masks are packed already
            lifespan="off",
            log_config=None,
            log_level="error",  # its warnings tell of what any peer may send
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        self._config.load()
        logging.getLogger(_UVICORN_LOGGER).addFilter(_FEW)
        self._state = ServerState()
        self._protocol = partial(H11Protocol, config=self._config, server_state=self._state, app_state={})
        self._log = RateLimiter(LOG_EVERY_S)

    async def run(self, listener: socket.socket) -> None:
        """Accept and serve until cancelled; then tell every peer and close all connections at once.

        A peer that does not read, or a page that stays open, holds up nothing.
        """
        listener.setblocking(False)
        sweeping = asyncio.create_task(self._sweep())
        try:
            while True:
                await self._accept(listener)
        finally:
            sweeping.cancel()
            await self._close()

    async def _accept(self, listener: socket.socket) -> None:
        """Accept what waits, a few at once: under load a turn of the loop takes a while."""
        try:
            accepted = [await asyncio.get_running_loop().sock_accept(listener)]
            with contextlib.suppress(OSError):  # none waits, or the next turn will tell why
                while len(accepted) < AT_ONCE:
                    accepted.append(listener.accept())
        except OSError as error:
            self._table.release_one()
            self._tell(error)
            await asyncio.sleep(PAUSE_S)
            return
        await asyncio.gather(*(self._connect(one, (address[0], address[1])) for one, address in accepted))
        await asyncio.sleep(0)  # what they have sent is read before others may take their places

    async def _connect(self, accepted: socket.socket, peer: Peer) -> None:
        accepted.setblocking(False)
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(self._protocol, accepted)
        except OSError:
            accepted.close()  # it was gone before it was seen
            return
        self._table.add(peer, transport)

    def _tell(self, error: OSError) -> None:
        if self._log.pass_on() is not None:
            why = error.strerror or str(error)
            _LOG.error(
                "status: no connection can be accepted: %s; trying on (LimitNOFILE= bounds the open files)",
                why,
            )

    async def _sweep(self) -> None:
        while True:
            # RFC 9110, 6.6.1: an origin server with a clock sends it
            self._state.default_headers[:] = [(b"date", formatdate(usegmt=True).encode())]
            self._table.close_overdue()
            await asyncio.sleep(SWEEP_S)

    async def _close(self) -> None:
        for connection in list(self._state.connections):
            connection.shutdown()  # a web socket is told that the service restarts
        await asyncio.sleep(0)
        self._table.abort_all()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=END_S)


def _track(app: ASGIApp, table: ConnectionTable) -> ASGIApp:
    """Tells the table what each connection does."""

    async def tracked(scope: Scope, receive: Receive, send: Send) -> None:
        peer = cast("Peer | None", scope.get("client"))
        websocket = scope["type"] == "websocket"

        async def tell(message: Message) -> None:
            await send(message)
            if message["type"] == "websocket.accept":
                table.set_state(peer, ConnectionState.WEBSOCKET)
            elif message["type"] == "websocket.close":
                table.set_state(peer, ConnectionState.CLOSING)

        table.set_state(peer, ConnectionState.REQUEST)
        try:
            await app(scope, receive, tell)
        finally:
            table.set_state(peer, ConnectionState.CLOSING if websocket else ConnectionState.IDLE)

    return tracked


class _FewOfEach(logging.Filter):
    """Lets one record of each kind through in a while: what peers can bring about must not fill a disk."""

    def __init__(self) -> None:
        super().__init__()
        self._throttles: dict[str, RateLimiter] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        # `msg` is the template that stands in uvicorn's source, so there are few of them
        return self._throttles.setdefault(str(record.msg), RateLimiter(LOG_EVERY_S)).pass_on() is not None


_FEW = _FewOfEach()
