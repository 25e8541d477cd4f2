"""Segmentations made by hand, and a subscriber on a plain ZeroMQ socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest
import zmq

from streamseg.concurrency.deadline import Deadline
from streamseg.publish.publisher import Publisher
from streamseg.types import (
    ClassInfo,
    Clock,
    Frame,
    ModelInfo,
    Picture,
    PixelLayout,
    Segmentation,
    TemporalMode,
)
from streamseg.wire.message import Message, unpack
from streamseg.wire.topics import Kind
from tests.waiting import time_limit

SOON_S = time_limit(60)
PICTURE = Picture(PixelLayout.GRAY, (np.zeros((18, 32), np.uint8),), (32, 18))
MODEL = ModelInfo("net", "1", "ab" * 32, "MIT", (ClassInfo(0, "sky", (1, 2, 3)),), "openvino", "f32", (8, 6))


def make_segmentation(seq: int = 0, stream: str = "gate", label: int = 3) -> Segmentation:
    frame = Frame(stream, seq, 1.5, 100.0, 1790000000.0, Clock.FILE, PICTURE)
    labels = np.full((6, 8), label, np.uint8)
    rgb = np.full((6, 8, 3), 90, np.uint8)
    return Segmentation(frame, labels, labels * 50, rgb, TemporalMode.EMA, False, {"infer": 1.25}, 2)


class Subscriber:
    """A plain SUB socket; what it reads must be `seg/1`."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str, *filters: str) -> None:
        self._socket = context.socket(zmq.SUB)
        self._socket.connect(address)
        for wanted in filters:
            self._socket.subscribe(wanted)

    def next(self, kind: Kind | None = None, timeout_s: float = SOON_S) -> Message:
        """The next message, or the next of a kind."""
        deadline = Deadline(timeout_s)
        while self._socket.poll(int(deadline.remaining_s * 1e3)):
            message = unpack(self._socket.recv_multipart())
            if kind in (None, message.header.kind):
                return message
        pytest.fail(f"no message of kind {kind} within {timeout_s} s")

    def unsubscribe(self, wanted: str) -> None:
        self._socket.unsubscribe(wanted)

    def close(self) -> None:
        self._socket.close(0)


Subscribe = Callable[..., Subscriber]


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    made = Publisher(["tcp://127.0.0.1:0"], pictures=True, epoch="e1")
    made.start()
    yield made
    made.stop()
    assert made.join(Deadline(SOON_S))
    assert made.error is None


@pytest.fixture
def subscribe() -> Iterator[Subscribe]:
    with ExitStack() as stack:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        stack.callback(context.term)

        def make(address: str, *filters: str) -> Subscriber:
            made = Subscriber(context, address, *filters)
            stack.callback(made.close)
            return made

        yield make
