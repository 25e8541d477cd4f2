"""What the publishing thread does with its socket: hear who subscribes, send what is wanted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import zmq

from streamseg.concurrency.rate_limit import RateLimiter
from streamseg.errors import WireError
from streamseg.publish.control_queue import ControlQueue, Notice
from streamseg.publish.encode import build_mask_message, compose_picture
from streamseg.publish.outbox import Outbox, Pending
from streamseg.publish.peers import Peers
from streamseg.publish.subscriptions import Subscriptions
from streamseg.wire.message import Header, pack
from streamseg.wire.topics import Kind, topic

PATIENCE_S = 0.05  # a notice waits that long for full queues; then those who are slow go without it
IMPATIENCE_S = 1.0  # and that long nobody is waited for again
WARN_EVERY_S = 60.0

_LOG = logging.getLogger(__name__)


def unheard(_stream: str, _encode_ms: float, _dropped: int) -> None:
    """Nobody wants to hear of masks sent."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How masks and pictures are sent.

    Attributes:
        epoch: This run of the daemon.
        pictures: Whether pictures are offered at all.
        jpeg_quality: 1…100.
        sent: Told of every mask sent: its stream, the milliseconds of encoding it, and how many masks of
            that stream gave way to newer ones so far.
        clock: Monotonic seconds.
        wall: Seconds since 1970.
    """

    epoch: str
    pictures: bool = False
    jpeg_quality: int = 85
    sent: Callable[[str, float, int], None] = unheard
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


class Sender:
    """Belongs to the thread that owns the socket; what it shares with others is thread-safe."""

    def __init__(
        self,
        xpub: zmq.Socket[bytes],
        outbox: Outbox,
        notices: ControlQueue,
        peers: Peers,
        subscriptions: Subscriptions,
        manner: Manner,
    ) -> None:
        self._xpub = xpub
        self._outbox = outbox
        self._notices = notices
        self._peers = peers
        self._subscriptions = subscriptions
        self._manner = manner
        self._unfit: set[str] = set()  # streams whose masks cannot be sent; said once
        self._held: Notice | None = None  # one that found a queue full
        self._warn_sent = RateLimiter(WARN_EVERY_S, manner.clock)
        self._patient_from_s = manner.clock()
        self._held_since_s = 0.0

    @property
    def holds_notices(self) -> bool:
        """Whether notices wait to be sent."""
        return self._held is not None or len(self._notices) > 0

    def hear(self) -> None:
        """Take in who has subscribed to what; newcomers are told what they need to know."""
        for wanted in self._peers.hear():
            self._notices.greet(wanted)

    def speak(self) -> None:
        """Send one mask and one notice of what waits. Masks go first: a stream's end comes after them."""
        if (pending := self._outbox.take()) is not None:
            self._publish(pending)
        self._tell()

    def _tell(self) -> None:
        """Send a notice, if need be a moment later: unlike a mask, no newer one makes up for it.

        Queues hold a few messages only, and a burst of notices fills them before the I/O thread has had a
        chance to empty them. That passes; a subscriber that does not read at all must not hold up others.
        """
        now_s = self._manner.clock()
        notice, self._held = self._held, None
        if notice is None:
            notice, self._held_since_s = self._notices.take(), now_s
        if notice is None or self._sent_to_all(notice):
            return
        if now_s < self._patient_from_s:
            self._send(notice)
        elif now_s - self._held_since_s < PATIENCE_S:
            self._held = notice
        else:
            self._patient_from_s = now_s + IMPATIENCE_S
            self._send(notice)

    def _sent_to_all(self, notice: Notice) -> bool:
        """Send unless the queue of anybody who wants it is full."""
        self._xpub.setsockopt(zmq.XPUB_NODROP, 1)
        try:
            self._send(notice)
        except zmq.Again:
            return False
        finally:
            self._xpub.setsockopt(zmq.XPUB_NODROP, 0)
        return True

    def _publish(self, pending: Pending) -> None:
        stream = pending.segmentation.frame.stream
        try:
            self._send_mask(pending, stream)
            self._unfit.discard(stream)
        except WireError as error:
            if stream not in self._unfit:
                _LOG.error("mask %d cannot be published: %s", pending.seq, error, extra={"stream": stream})
            self._unfit.add(stream)

    def _send_mask(self, pending: Pending, stream: str) -> None:
        manner = self._manner
        if self._subscriptions.want(topic(stream, Kind.MASK)):
            header, body = build_mask_message(
                pending, epoch=manner.epoch, wall=manner.wall, clock=manner.clock
            )
            self._send(header, body)
            self._tell_sent(stream, header.ms["encode"], pending.dropped)
        if manner.pictures and self._subscriptions.want(topic(stream, Kind.PICTURE)):
            picture = compose_picture(
                pending, epoch=manner.epoch, quality=manner.jpeg_quality, wall=manner.wall
            )
            self._send(*picture)

    def _tell_sent(self, stream: str, encode_ms: float, dropped: int) -> None:
        """Whoever counts masks must not end the thread that sends them."""
        try:
            self._manner.sent(stream, encode_ms, dropped)
        except Exception:  # noqa: BLE001 whatever it is, masks go on
            if (before := self._warn_sent.pass_on()) is not None:
                _LOG.exception(
                    "counting a mask that was sent failed (%d times before)", before, extra={"stream": stream}
                )

    def _send(self, header: Header, body: bytes = b"") -> None:
        # XPUB does not wait: it drops the message for those whose queue is full
        self._xpub.send_multipart(pack(header, body), zmq.NOBLOCK)
