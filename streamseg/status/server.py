"""The status thread: a web server on a loop of its own. It decides nothing, and nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from streamseg.flow.deadline import Deadline
from streamseg.flow.stage import Stage
from streamseg.status import picture
from streamseg.status.board import Board
from streamseg.status.door import Door
from streamseg.status.history import History
from streamseg.status.hub import Hub, Viewer
from streamseg.status.summary import curves, events, summary
from streamseg.types import Segmentation

if TYPE_CHECKING:
    import uvicorn

    from streamseg.status.site import Alive

_LOG = logging.getLogger(__name__)
EVERY_S = 1.0  # between two summaries
MOST_CONNECTIONS = 64
LEAVE_S = 1  # for requests under way at the end


@dataclass(frozen=True, slots=True)
class Settings:
    """How to serve.

    Attributes:
        bind: `host:port`; None: not at all.
        door: Who may come in.
        page: Offer the page, not health and metrics alone.
        jpeg_quality: 1…100, of the page's pictures.
    """

    bind: str | None = None
    door: Door = field(default_factory=Door)
    page: bool = True
    jpeg_quality: int = 75


class StatusServer:
    """Serves what the board knows and what the engine makes.

    Args:
        board: What is known.
        settings: How to serve.
        alive: Which parts of the daemon there are, and whether each lives.

    Attributes:
        address: Where it listens, `host:port` with the port that was chosen; empty where it does not.
    """

    def __init__(self, board: Board, settings: Settings, alive: Alive) -> None:
        self.address = ""
        self._board, self._settings, self._alive = board, settings, alive
        self._hub = Hub(partial(picture.encode, jpeg_quality=settings.jpeg_quality), time.monotonic)
        self._history = History()
        self._listener: socket.socket | None = None
        self._uvicorn: uvicorn.Server | None = None
        self._stage = Stage("status", self._body)

    def start(self) -> None:
        """Listen and start the thread. An address that cannot be had is told of and gone without."""
        if self._settings.bind is None:
            return
        door = self._settings.door
        if not door.loopback and door.token is None:
            _LOG.error(
                "status.bind: %s: other machines reach it; not served without a token", self._settings.bind
            )
            return
        try:
            self._listener = _listen(self._settings.bind)
        except OSError as error:
            why = error.strerror or str(error)
            _LOG.error(
                "status.bind: %s: %s; masks are served, but no page, health or metrics",
                self._settings.bind,
                why,
            )
            return
        self.address = _address(self._listener)
        _LOG.info("status: http://%s%s", self.address, "" if self._settings.page else "/metrics")
        self._stage.start()

    def offer(self, segmentation: Segmentation) -> None:
        """Hand over a mask, on the engine's thread; does nothing unless somebody looks at its stream."""
        self._hub.offer(segmentation)

    def stop(self) -> None:
        """Ask for the end; returns at once. Idempotent."""
        self._stage.stop()
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True

    def join(self, deadline: Deadline) -> bool:
        """Wait for the thread's end; False where the deadline passed first."""
        return self._stage.join(deadline)

    def _body(self, stop: threading.Event) -> None:
        if self._listener is None:
            raise RuntimeError("the thread was started before it could listen")
        with contextlib.closing(self._listener):
            asyncio.run(self._serve(self._listener, stop))

    async def _serve(self, listener: socket.socket, stop: threading.Event) -> None:
        self._uvicorn = server = self._server()
        server.should_exit = stop.is_set()  # asked for before there was a server to tell
        serving = asyncio.create_task(server.serve([listener]))
        helpers = [asyncio.create_task(task) for task in (self._hub.run(), self._tell())]
        await asyncio.wait([serving, *helpers], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True  # also where it was a helper that ended, which only an error of ours does
        await serving
        for task in helpers:
            task.cancel()
        for ended in await asyncio.gather(*helpers, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    def _server(self) -> uvicorn.Server:
        # here, not above: they take a while to import, and meanwhile the daemon starts
        import uvicorn  # noqa: PLC0415

        from streamseg.status.site import Site  # noqa: PLC0415

        settings = self._settings
        site = Site(self._board, self._hub, settings.door, page=settings.page, alive=self._alive)
        config = uvicorn.Config(
            site.app,
            loop="asyncio",
            http="h11",
            ws="websockets-sansio",
            ws_max_size=2**16,
            ws_per_message_deflate=False,  # pictures and masks are packed already
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=LEAVE_S,
        )
        return uvicorn.Server(config)

    async def _tell(self) -> None:
        """A sample and a summary a second; the summary only to those who look, and there may be no page."""
        while True:
            seen = self._board.snapshots(lately=bool(self._hub.viewers))
            self._history.sample(seen)
            if self._hub.viewers:
                told = summary(seen, time.time())
                for viewer in self._hub.viewers:
                    viewer.tell(json.dumps({**told, **self._more(viewer)}, separators=(",", ":")))
            await asyncio.sleep(EVERY_S)

    def _more(self, viewer: Viewer) -> Mapping[str, Any]:
        """The curves of the streams a viewer sees, and all that happened to the one it wants to know of."""
        shown = {name: curves(self._history.of(name)) for name in viewer.streams}
        with contextlib.suppress(KeyError):
            return {"curves": shown, "events": events(self._board.events(viewer.detail))}
        return {"curves": shown}


def _listen(bind: str) -> socket.socket:
    """A listening socket at `host:port`. Raises OSError."""
    host, _, port = bind.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host.strip("[]"), int(port)), family=family, backlog=MOST_CONNECTIONS)


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
