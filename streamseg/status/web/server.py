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

from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.worker_thread import StoppableThread
from streamseg.errors import StreamsegError
from streamseg.status.history import History
from streamseg.status.registry import StatusRegistry
from streamseg.status.web import preview
from streamseg.status.web.api import curves, events, overview
from streamseg.status.web.auth import AccessPolicy
from streamseg.status.web.broadcast import PreviewBroadcaster, Viewer
from streamseg.types import Segmentation

if TYPE_CHECKING:
    from streamseg.status.web.app import Alive
    from streamseg.status.web.http_server import HttpServer

_LOG = logging.getLogger(__name__)
EVERY_S = 1.0  # between two summaries
BACKLOG = 256  # connections that wait in the kernel to be accepted


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
    door: AccessPolicy = field(default_factory=AccessPolicy)
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

    def __init__(self, board: StatusRegistry, settings: Settings, alive: Alive) -> None:
        self.address = ""
        self._board, self._settings, self._alive = board, settings, alive
        self._hub = PreviewBroadcaster(
            partial(preview.encode, jpeg_quality=settings.jpeg_quality), time.monotonic
        )
        self._history = History()
        self._listener: socket.socket | None = None
        self._ending: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._stage = StoppableThread("status", self._body)

    def start(self) -> None:
        """Listen and start the thread.

        Raises:
            StreamsegError: The address cannot be had; another try may find it free.
        """
        if self._settings.bind is None:
            return
        door = self._settings.door
        if not door.loopback and door.token is None:
            _LOG.error(
                "status.bind: %s: other machines reach it; not served without a token", self._settings.bind
            )
            return
        self._listener = _listen(self._settings.bind)
        self.address = _address(self._listener)
        _LOG.info("status: http://%s%s", self.address, "" if self._settings.page else "/metrics")
        self._stage.start()

    def offer(self, segmentation: Segmentation) -> None:
        """Hand over a mask, on the engine's thread; does nothing unless somebody looks at its stream."""
        self._hub.offer(segmentation)

    def stop(self) -> None:
        """Ask for the end; returns at once. Idempotent."""
        self._stage.stop()
        if self._ending is not None:
            loop, ending = self._ending
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                loop.call_soon_threadsafe(ending.set)

    def join(self, deadline: Deadline) -> bool:
        """Wait for the thread's end; False where the deadline passed first."""
        return self._stage.join(deadline)

    def _body(self, stop: threading.Event) -> None:
        if self._listener is None:
            raise RuntimeError("the thread was started before it could listen")
        with contextlib.closing(self._listener):
            asyncio.run(self._serve(self._listener, stop))

    async def _serve(self, listener: socket.socket, stop: threading.Event) -> None:
        ending = asyncio.Event()
        self._ending = asyncio.get_running_loop(), ending
        server = self._server(stop)
        if server is None or stop.is_set():
            return
        parts = (server.run(listener), self._hub.run(), self._tell(), ending.wait())
        tasks = [asyncio.create_task(part) for part in parts]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):  # an error of ours
                raise ended

    def _server(self, stop: threading.Event) -> HttpServer | None:
        """The web server; None where the end was asked for meanwhile."""
        # imported here, not above: they take a while, and meanwhile the daemon starts, or is stopped already
        from streamseg.status.web.http_server import HttpServer  # noqa: PLC0415

        if stop.is_set():
            return None
        from streamseg.status.web.app import StatusApp  # noqa: PLC0415

        settings = self._settings
        site = StatusApp(self._board, self._hub, settings.door, page=settings.page, alive=self._alive)
        return HttpServer(site.app)

    async def _tell(self) -> None:
        """A sample and a summary a second; the summary only to those who look, and there may be no page."""
        while True:
            seen = self._board.snapshots(lately=bool(self._hub.viewers))
            self._history.sample(seen)
            if self._hub.viewers:
                told = overview(seen, time.time())
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
    """A listening socket at `host:port`. Raises StreamsegError."""
    host, _, port = bind.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    address = host.strip("[]"), int(port)
    try:
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        raise StreamsegError(f"status.bind: {bind}: {error.strerror or error}; see `ss -ltnp`") from None


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
