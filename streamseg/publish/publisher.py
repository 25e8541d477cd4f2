"""The publisher: takes masks, infos and states from any thread, and sends them from one of its own."""

from __future__ import annotations

import contextlib
import logging
import math
import secrets
import threading
import time
from collections.abc import Callable, Sequence

import zmq

from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.worker_thread import StoppableThread
from streamseg.publish.control_queue import ControlQueue
from streamseg.publish.descriptors import most_peers, raise_limit
from streamseg.publish.message_limits import fit_info, fit_status
from streamseg.publish.outbox import Outbox
from streamseg.publish.peers import Peers
from streamseg.publish.sender import Manner, Sender, unheard
from streamseg.publish.socket_file import SocketFile
from streamseg.publish.sockets import close_xpub, open_xpub
from streamseg.publish.subscriptions import Subscriptions
from streamseg.publish.wakeup import Wakeup
from streamseg.types import ModelInfo, Segmentation, StateChange
from streamseg.wire.control_headers import InfoHeader
from streamseg.wire.topics import Kind, topic

LAST_WORDS_S = 0.2  # on stop: for what is pending to be sent, and as much again for it to leave the socket
PACE_MS = 1  # between notices: time for the short queues to empty

_LOG = logging.getLogger(__name__)


class Publisher:
    """One XPUB socket for all streams, speaking `seg/1` (docs/wire.md).

    Nothing here ever waits for a subscriber. A mask is encoded only while somebody subscribes to its topic;
    of each stream only the newest waits. All methods may be called from any thread; what is offered before
    `start` goes out after it, what is offered after `stop` does not.

    Args:
        bind: Addresses, `tcp://host:port` or `ipc://path`.
        insecure: Allow addresses that other machines reach.
        pictures: Offer `pic/1/<stream>/jpeg` too.
        hwm: Messages that may wait for a subscriber.
        max_peers: Connections allowed at once; by default 256, or fewer where the process may open few files.
        jpeg_quality: 1…100, of the pictures.
        epoch: Names this run of the daemon; random unless given.
        on_crash: Told on the publishing thread what ended it unasked.
        on_sent: Told on the publishing thread of every mask sent; see `Manner.sent`.
        clock: Monotonic seconds.
        wall: Seconds since 1970.

    Attributes:
        epoch: As above.
        addresses: Where the socket is bound, with the ports that were chosen; empty before `start`.
    """

    def __init__(
        self,
        bind: Sequence[str],
        *,
        insecure: bool = False,
        pictures: bool = False,
        hwm: int = 4,
        max_peers: int | None = None,
        jpeg_quality: int = 85,
        epoch: str | None = None,
        on_crash: Callable[[BaseException], None] | None = None,
        on_sent: Callable[[str, float, int], None] = unheard,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.epoch = epoch or secrets.token_hex(3)
        self.addresses: tuple[str, ...] = ()
        self._bind = tuple(bind)
        self._insecure = insecure
        self._hwm = hwm
        self._max_peers = max_peers
        self._manner = Manner(self.epoch, pictures, jpeg_quality, on_sent, clock, wall)
        self._outbox = Outbox()
        self._notices = ControlQueue(self.epoch, self._outbox.newest, clock, wall)
        self._subscriptions = Subscriptions()
        self._wakeup = Wakeup()
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._xpub: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._files: list[SocketFile] = []
        self._stage = StoppableThread("publisher", self._body, on_crash)
        self._stopped = False
        self._unfit: dict[str, ModelInfo] = {}  # by stream, what the log has said does not fit

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._stage.alive

    @property
    def error(self) -> BaseException | None:
        """What ended the thread, where it did not end by `stop`."""
        return self._stage.error

    def start(self) -> None:
        """Bind all addresses and start the thread.

        Raises:
            PublishError: An address cannot be bound or may not be; nothing is left open, and another try
                takes another publisher.
        """
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            xpub, monitor, addresses = open_xpub(context, self._bind, insecure=self._insecure, hwm=self._hwm)
        except BaseException:
            context.term()
            self._wakeup.close()
            raise
        self._context, self._xpub, self._monitor = context, xpub, monitor
        self.addresses = tuple(addresses)
        self._files = [file for address in addresses if (file := SocketFile.of(address))]
        self._stage.start()  # from here on the socket is that thread's

    def offer(self, segmentation: Segmentation, encoding: str) -> None:
        """Hand over a mask; returns at once. A mask of the same stream that still waits gives way to it.

        Args:
            segmentation: The mask; its arrays must not change any more.
            encoding: How its body is to be encoded, one of `streamseg.wire.codecs.Encoding`.
        """
        stream = segmentation.frame.stream
        if self._stopped:
            return
        if not self.wanted(stream):
            self._outbox.count(stream)
            return
        model = self._notices.model(stream)
        self._outbox.put(segmentation, encoding, model.sha256 if model else "")
        self._wakeup.set()

    def set_info(self, stream: str, model: ModelInfo) -> None:
        """Say what makes a stream's masks; told on change, to newcomers, and every 5 s.

        What is too long for a subscriber to read is cut, and the log says so once.

        Raises:
            WireError: `stream` is not a stream's name.
        """
        topic(stream, Kind.INFO)
        whole = InfoHeader(stream, self.epoch, model)
        info = fit_info(whole)
        if info is not whole and self._unfit.get(stream) != model:
            how = "cannot be told to subscribers" if info is None else "is told to subscribers shortened"
            _LOG.error(
                "what package %.100r says of itself does not fit the wire and %s",
                model.name,
                how,
                extra={"stream": stream},
            )
            self._unfit[stream] = model
        if info is not None:
            self._notices.inform(info)
            self._wakeup.set()

    def status(self, change: StateChange, fps: float | None = None) -> None:
        """Tell that a stream entered a state; the latest is told again to newcomers.

        Args:
            change: The state and why; texts that are too long are cut, numbers that are not finite left out.
            fps: Masks a second lately, where known.

        Raises:
            WireError: Its stream has no proper name.
        """
        topic(change.stream, Kind.STATUS)
        self._notices.report(fit_status(change, self.epoch, fps))
        self._wakeup.set()

    def remove(self, stream: str) -> None:
        """Say no more of a stream, once what is already due has gone out. Its numbers go on if it returns."""
        self._notices.forget(stream)
        self._unfit.pop(stream, None)

    def wanted(self, stream: str) -> bool:
        """Whether anybody subscribes to a stream's masks, or to its pictures where they are offered."""
        want = self._subscriptions.want
        return want(topic(stream, Kind.MASK)) or (self._manner.pictures and want(topic(stream, Kind.PICTURE)))

    def subscribers(self, stream: str) -> int:
        """Return how many subscriptions match a stream's masks now."""
        return self._subscriptions.count(topic(stream, Kind.MASK))

    def sequence(self, stream: str) -> int | None:
        """Return the number of a stream's newest mask that waits no more; None before the first."""
        return self._outbox.newest(stream)

    def drops(self, stream: str) -> int:
        """Return how many masks of a stream gave way to newer ones before they were sent."""
        return self._outbox.dropped(stream)

    def stop(self) -> None:
        """Ask the thread to send what waits, for a moment, and to end. Returns at once; idempotent."""
        self._stopped = True
        self._stage.stop()
        self._wakeup.set()
        if self._xpub is None:
            self._wakeup.close()  # never started: no thread will

    def join(self, deadline: Deadline) -> bool:
        """Wait for the thread's end; false where the deadline passed first."""
        return self._stage.join(deadline)

    def _body(self, stop: threading.Event) -> None:
        if self._context is None or self._xpub is None or self._monitor is None:
            raise RuntimeError("the thread was started before the socket was opened")
        linger_ms = 0
        try:
            with contextlib.closing(self._peers(self._xpub, self._monitor)) as peers:
                self._serve(stop, self._xpub, self._monitor, peers)
            linger_ms = math.ceil(LAST_WORDS_S * 1e3)
        finally:
            self._wakeup.close()
            close_xpub(self._xpub, self._monitor, linger_ms=linger_ms)
            self._context.term()  # waits for the linger, no longer
            for file in self._files:
                file.remove()

    def _peers(self, xpub: zmq.Socket[bytes], monitor: zmq.Socket[bytes]) -> Peers:
        most = most_peers(raise_limit()) if self._max_peers is None else self._max_peers
        return Peers(xpub, monitor, self.addresses, self._subscriptions, most, self._manner.clock)

    def _serve(
        self, stop: threading.Event, xpub: zmq.Socket[bytes], monitor: zmq.Socket[bytes], peers: Peers
    ) -> None:
        sender = Sender(xpub, self._outbox, self._notices, peers, self._subscriptions, self._manner)
        poller = self._poller(xpub, monitor)
        while not stop.is_set():
            self._turn(sender, poller, self._wait_ms(sender))
        self._last_words(sender, poller)

    def _poller(self, xpub: zmq.Socket[bytes], monitor: zmq.Socket[bytes]) -> zmq.Poller:
        poller = zmq.Poller()
        poller.register(xpub, zmq.POLLIN)
        poller.register(monitor, zmq.POLLIN)
        poller.register(self._wakeup.fileno(), zmq.POLLIN)
        return poller

    def _turn(self, sender: Sender, poller: zmq.Poller, wait_ms: int) -> None:
        poller.poll(wait_ms)
        self._wakeup.clear()
        sender.hear()
        self._notices.tick()
        sender.speak()

    def _wait_ms(self, sender: Sender) -> int:
        if len(self._outbox):
            return 0
        return PACE_MS if sender.holds_notices else math.ceil(self._notices.wait_s * 1e3)

    def _last_words(self, sender: Sender, poller: zmq.Poller) -> None:
        """Sends what waits; the deadline is for a flood of subscriptions, for sending never blocks."""
        deadline = Deadline(LAST_WORDS_S)
        while (len(self._outbox) or sender.holds_notices) and not deadline.expired:
            self._turn(sender, poller, PACE_MS)
