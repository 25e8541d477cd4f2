"""Masks on their way to whoever looks at the page: nothing is kept, encoded or sent for nobody.

The engine's thread offers, the status thread's loop encodes, once for all viewers, and each viewer's own task
sends. Wherever something waits it is the newest of its stream, and one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterable

from streamseg.concurrency.rate_limit import RateLimiter
from streamseg.net import peer_network
from streamseg.types import Segmentation

_LOG = logging.getLogger(__name__)
LOG_INTERVAL_S = 60.0  # between two tracebacks
RATE_HZ = 10.0  # more than a person needs, less than a phone can take
MOST_VIEWERS = 24
MOST_VIEWERS_PER_NETWORK = 16  # of one address, see `hosts.peer_network`


class Viewer:
    """One open page, at an address; for the loop's thread alone."""

    def __init__(self, network: str = "") -> None:
        self.network = network
        self.streams: frozenset[str] = frozenset()
        self.detail = ""  # the stream of which it wants to know more
        self._text: str | None = None
        self._pictures: dict[str, bytes] = {}
        self._some = asyncio.Event()

    def tell(self, text: str) -> None:
        """Put a text in place of one that waits."""
        self._text = text
        self._some.set()

    def show(self, stream: str, picture: bytes) -> None:
        """Put a picture in place of one of its stream that waits."""
        self._pictures[stream] = picture
        self._some.set()

    async def next(self) -> str | bytes:
        """What to send next: texts first, then the picture that waits longest."""
        while self._text is None and not self._pictures:
            self._some.clear()
            await self._some.wait()
        if self._text is not None:
            text, self._text = self._text, None
            return text
        return self._pictures.pop(next(iter(self._pictures)))


class PreviewBroadcaster:
    """Knows who looks at what.

    Args:
        encode: Makes the message of a mask, on the loop's thread.
        clock: Monotonic seconds.
        rate_hz: Masks a second of one stream that are shown at most.
    """

    def __init__(
        self, encode: Callable[[Segmentation], bytes], clock: Callable[[], float], rate_hz: float = RATE_HZ
    ) -> None:
        self._encode, self._clock, self._every_s = encode, clock, 1.0 / rate_hz
        self._viewers: list[Viewer] = []
        self._wanted: frozenset[str] = frozenset()  # replaced by the loop's thread, read by any
        self._lock = threading.Lock()
        self._pending: dict[str, Segmentation] = {}
        self._due_s: dict[str, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._some: asyncio.Event | None = None
        self._log_limit = RateLimiter(LOG_INTERVAL_S, clock)

    @property
    def viewers(self) -> tuple[Viewer, ...]:
        """Who is here."""
        return tuple(self._viewers)

    def wanted(self, stream: str) -> bool:
        """Whether anybody looks at a stream; any thread."""
        return stream in self._wanted

    def offer(self, segmentation: Segmentation) -> None:
        """Hand over a mask, from any thread; returns at once, and does nothing where nobody looks."""
        stream = segmentation.frame.stream
        if stream not in self._wanted:
            return
        now_s = self._clock()
        with self._lock:
            if now_s < self._due_s.get(stream, now_s):
                return
            self._due_s[stream] = now_s + self._every_s
            self._pending[stream] = segmentation
            self._wake()

    def join(self, address: str = "") -> Viewer | None:
        """Let one more look, from `address`; None where too many do already, in all or of its network."""
        network = peer_network(address)
        own = sum(viewer.network == network for viewer in self._viewers)
        if len(self._viewers) >= MOST_VIEWERS or own >= MOST_VIEWERS_PER_NETWORK:
            return None
        viewer = Viewer(network)
        self._viewers.append(viewer)
        return viewer

    def watch(self, viewer: Viewer, streams: Iterable[str]) -> None:
        """A viewer wants to see these streams from now on, and no others."""
        viewer.streams = frozenset(streams)
        self._count()

    def leave(self, viewer: Viewer) -> None:
        """A viewer has gone."""
        self._viewers.remove(viewer)
        self._count()

    async def run(self) -> None:
        """Encode and hand out what is offered, until cancelled."""
        some = asyncio.Event()
        with self._lock:
            self._loop, self._some = asyncio.get_running_loop(), some
        try:
            while True:
                await some.wait()
                some.clear()
                await self._hand_out()
        finally:
            with self._lock:
                self._loop = None  # the engine's thread must not call into a loop that ends
            self._wanted = frozenset()

    async def _hand_out(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, {}
        for stream, segmentation in pending.items():
            if stream in self._wanted:
                self._show(stream, segmentation)
            await asyncio.sleep(0)  # others on this loop want their turn between two pictures

    def _show(self, stream: str, segmentation: Segmentation) -> None:
        try:
            picture = self._encode(segmentation)
        except Exception:  # noqa: BLE001 - one mask must not end the page and the health checks
            if (before := self._log_limit.pass_on()) is not None:
                _LOG.exception("a mask of %s cannot be shown on the page (%d others lately)", stream, before)
            return
        for viewer in self._viewers:
            if stream in viewer.streams:
                viewer.show(stream, picture)

    def _count(self) -> None:
        wanted = frozenset[str]().union(*(viewer.streams for viewer in self._viewers))
        self._wanted = wanted
        with self._lock:
            for stream in self._due_s.keys() - wanted:
                del self._due_s[stream]
                self._pending.pop(stream, None)

    def _wake(self) -> None:
        if self._loop is not None and self._some is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed without its end being awaited
                self._loop.call_soon_threadsafe(self._some.set)
