"""Subscribing to masks: the newest of each stream, or every one."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import zmq

from streamseg.client.access import denied
from streamseg.client.bounded import Bounded
from streamseg.client.sequence_gaps import Gaps
from streamseg.errors import WireError
from streamseg.types import U8, ClassInfo, ModelInfo
from streamseg.wire.control_headers import InfoHeader, StatusHeader
from streamseg.wire.header import Affine, MaskHeader
from streamseg.wire.json_reader import printable
from streamseg.wire.message import Message, unpack
from streamseg.wire.topics import EVERYTHING, prefix

MAX_BYTES = 64 << 20  # of one part; the largest label map of the protocol fits
HWM = 64  # messages that may wait in libzmq; beyond it the publisher drops, and the gap is reported
FEWER = (16, 4, 1)  # of large messages, so that libzmq, which bounds their number alone, holds no more than
QUEUE_BYTES = 64 << 20  # this
WAITING_BYTES = 32 << 20  # of bodies that wait for `next`, those of all streams together
MOST_STREAMS = 1024  # of so many is kept what the daemon said; those heard of longest ago give way
INFO_BYTES, STATUS_BYTES = 4 << 20, 1 << 20  # of what is kept of all streams together, as it came
REASON_CHARS = 300
_TCP_PORT = re.compile(r"tcp://.+:(\d+)")
_LOOK_MS = 100  # how often a wait looks whether `close` was called


@dataclass(frozen=True, slots=True)
class Mask:
    """One label map and what was said of it.

    Attributes:
        labels: `[h, w]` uint8, one class id a pixel; 255 = ignore.
        header: All the daemon said (docs/wire.md).
        classes: The classes present, most pixels first; names are their ids until the daemon told them.
        gaps: Masks of the stream lost between the last one received and this one.
        received_unix_s: When it arrived here, seconds since 1970.
    """

    labels: U8
    header: MaskHeader
    classes: tuple[ClassInfo, ...]
    gaps: int
    received_unix_s: float

    @property
    def stream(self) -> str:
        """Name of its stream."""
        return self.header.stream

    @property
    def seq(self) -> int:
        """Its number in its stream."""
        return self.header.seq

    @property
    def age_s(self) -> float:
        """From the frame's capture to its arrival here, seconds; as good as both clocks."""
        return self.received_unix_s - self.header.time.capture

    @property
    def confidence(self) -> float | None:
        """Mean confidence, 0…1; None where the model gives none."""
        return self.header.confidence

    @property
    def to_frame(self) -> Affine:
        """Affine map a b c d e f from mask to frame pixels: `x' = a x + b y + c`, `y' = d x + e y + f`."""
        return self.header.mask.to_frame

    @property
    def reset(self) -> bool:
        """Whether the daemon let the stream's past go before this mask."""
        return self.header.reset


class Subscription:
    """An iterator of `Mask`s; also a context manager. For one thread, but for `close`.

    Attributes:
        infos: What the daemon said of the model of each stream; of 1024 streams and 4 MiB at most.
        statuses: The newest state of each stream; of a newer daemon also states unknown here.
        refused: Messages that could not be read, and why the last one could not.
    """

    def __init__(
        self, address: str, stream: str | None = None, *, latest: bool = True, timeout_s: float | None = None
    ) -> None:
        self.infos: Mapping[str, ModelInfo]
        self.statuses: Mapping[str, StatusHeader]
        self.infos = self._infos = Bounded[ModelInfo](MOST_STREAMS, INFO_BYTES)
        self.statuses = self._statuses = Bounded[StatusHeader](MOST_STREAMS, STATUS_BYTES)
        self.refused: tuple[int, str] = (0, "")
        self._latest, self._timeout_s = latest, timeout_s
        self._gaps = Gaps()
        self._waiting: Bounded[tuple[MaskHeader, Message, float]] = Bounded(MOST_STREAMS, WAITING_BYTES)
        self._address, self._topic = address, EVERYTHING if stream is None else prefix(stream)
        self._hwm = HWM
        self._closed = threading.Event()
        self._busy = threading.Lock()
        self._socket = _open(address, self._topic, self._hwm)

    @property
    def info(self) -> ModelInfo | None:
        """What the daemon said of the model, of whichever stream came first; None before it did."""
        return next(iter(self.infos.values()), None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Mask]:
        return self

    def __next__(self) -> Mask:
        """Wait for the next mask.

        Raises:
            TimeoutError: None came within `timeout_s`.
            StopIteration: The subscription was closed.
            WireError: A mask is in an encoding this end does not know, or damaged.
        """
        try:
            with self._busy:
                return self._next()
        finally:
            if self._closed.is_set():  # looked at after `_busy` was let go: whoever lost that race closes
                self.close()

    def _next(self) -> Mask:
        deadline_s = None if self._timeout_s is None else time.monotonic() + self._timeout_s
        while not self._closed.is_set():
            if self._latest or not self._waiting:
                self._drain()
            if self._waiting:
                return self._take()
            if deadline_s is not None and time.monotonic() >= deadline_s:
                why = denied(self._address)
                raise TimeoutError(f"no mask within {self._timeout_s:g} s{f' ({why})' if why else ''}")
            self._wait(deadline_s)
        raise StopIteration

    def close(self) -> None:
        """End the subscription; a waiting iterator stops within 0.1 s. Idempotent, from any thread."""
        self._closed.set()
        # A socket is not thread-safe: if another thread is in `next`, that one closes it on its way out.
        if self._busy.acquire(blocking=False):
            self._socket.close()
            self._busy.release()

    def _wait(self, deadline_s: float | None) -> None:
        left_ms = _LOOK_MS if deadline_s is None else (deadline_s - time.monotonic()) * 1e3
        self._socket.poll(max(1, min(_LOOK_MS, int(left_ms))))

    def _drain(self) -> None:
        """Read what has come: all of it for the newest, else up to the first mask; never for long at a time.

        What comes faster than it can be read would otherwise outlast `timeout_s` and `close`.
        """
        until_s = time.monotonic() + _LOOK_MS / 1e3
        while self._socket.poll(0):
            self._read(self._socket.recv_multipart())
            if (self._waiting and not self._latest) or time.monotonic() >= until_s:
                return

    def _read(self, parts: list[bytes]) -> None:
        size = sum(map(len, parts))
        self._limit_queue(size)
        try:
            message = unpack(parts)
        except WireError as error:
            self.refused = (self.refused[0] + 1, printable(str(error))[:REASON_CHARS])
            return
        match message.header:
            case MaskHeader() as header:
                self._gaps.arrived(header.stream, header.epoch, header.seq)
                for stream, _ in self._waiting.keep(header.stream, (header, message, time.time()), size):
                    self._gaps.lose(stream)
            case InfoHeader() as header:
                self._infos.keep(header.stream, header.model, size)
            case StatusHeader() as header:
                self._statuses.keep(header.stream, header, size)
            case _:
                pass

    def _limit_queue(self, size: int) -> None:
        """Connect anew with a shorter queue after the first large message.

        What waited in the old one is lost, and told as a gap. The limit of an open connection must not be
        lowered: libzmq may then wait for ever for messages to be read that are not there.
        """
        if size * self._hwm <= QUEUE_BYTES or self._hwm == FEWER[-1]:
            return
        self._hwm = next((few for few in FEWER if size * few <= QUEUE_BYTES), FEWER[-1])
        self._socket.close()
        self._socket = _open(self._address, self._topic, self._hwm)

    def _take(self) -> Mask:
        stream = next(iter(self._waiting))
        waiting = self._waiting.pop(stream)
        if waiting is None:
            raise RuntimeError("a subscription was read by two threads at once")
        header, message, received_s = waiting
        try:
            labels = message.labels()
        except WireError:
            self._gaps.lose(stream)  # told with the next mask, and so are those lost before it
            raise
        return Mask(labels, header, self._present(header), self._gaps.take(stream), received_s)

    def _present(self, header: MaskHeader) -> tuple[ClassInfo, ...]:
        info = self.infos.get(header.stream)
        known = {c.id: c for c in info.classes} if info else {}
        ordered = sorted(zip(header.fraction, header.present, strict=True), reverse=True)
        return tuple(known.get(i, ClassInfo(i, str(i), (128, 128, 128))) for _, i in ordered)


def subscribe(
    address: str, stream: str | None = None, *, latest: bool = True, timeout_s: float | None = None
) -> Subscription:
    """Subscribe to the masks of a daemon.

    Args:
        address: Where it publishes, `tcp://host:port` or `ipc://path`; it need not run yet.
        stream: Name of a stream; None for all.
        latest: Skip to the newest mask of a stream when several wait; false gives every mask that arrives.
        timeout_s: Longest wait for a mask, seconds; None waits for ever.

    Raises:
        WireError: `stream` is not a stream's name, or `address` is not an address.
    """
    return Subscription(address, stream, latest=latest, timeout_s=timeout_s)


def _open(address: str, topic: bytes, hwm: int) -> zmq.Socket[bytes]:
    # libzmq takes any port here and then never connects
    port = _TCP_PORT.fullmatch(address)
    if port and (len(port[1]) > 5 or not 0 < int(port[1]) < 2**16):
        raise WireError(f"{address!r:.200}: not an address to subscribe to (a port is 1 to 65535)")
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
    for option, value in (
        (zmq.LINGER, 0), (zmq.RCVHWM, hwm), (zmq.MAXMSGSIZE, MAX_BYTES),
        (zmq.HEARTBEAT_IVL, 2000), (zmq.HEARTBEAT_TIMEOUT, 6000),
        (zmq.RECONNECT_IVL, 100), (zmq.RECONNECT_IVL_MAX, 2000),
        # only where asked for: with it, a name such as localhost would mean ::1 first
        (zmq.IPV6, int(address.startswith("tcp://["))),
    ):  # fmt: skip
        socket.setsockopt(option, value)
    try:
        socket.connect(address)
    except (zmq.ZMQError, UnicodeError) as error:
        socket.close()
        why = zmq.strerror(error.errno or 0) if isinstance(error, zmq.ZMQError) else "not Unicode"
        raise WireError(f"{address!r:.200}: not an address to subscribe to ({why})") from error
    socket.subscribe(topic)
    return socket
