"""A publisher that sends without end costs a subscriber bounded memory."""

from __future__ import annotations

from typing import cast

import pytest
import zmq

from streamseg.client import subscription
from streamseg.client.subscription import HWM, QUEUE_BYTES, Subscription, subscribe
from streamseg.wire.message import pack
from streamseg.wire.notices import InfoHeader, StatusHeader
from tests.client.test_gaps import Feed, message
from tests.publish.conftest import MODEL, make_segmentation


class Recording(Feed):
    """A socket that remembers what it was set to."""

    def __init__(self, messages: list[list[bytes]]) -> None:
        super().__init__(messages)
        self.hwm: list[int] = []

    def setsockopt(self, option: int, value: int) -> None:
        assert option == zmq.RCVHWM
        self.hwm.append(value)


def read(messages: list[list[bytes]], *, latest: bool = True) -> tuple[Subscription, Recording]:
    """A subscription that has read all of it, and the socket it read from."""
    masks, socket = subscribe("tcp://127.0.0.1:9", latest=latest, timeout_s=0.0), Recording(messages)
    masks._socket.close()
    masks._socket = cast("zmq.Socket[bytes]", socket)
    while socket.poll(0):
        masks._drain()
    return masks, socket


def renamed(parts: list[bytes], stream: str) -> list[bytes]:
    """The same message of another stream."""
    return [part.replace(b"gate", stream.encode()) for part in parts]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a few messages reach."""
    monkeypatch.setattr(subscription, "MOST_STREAMS", 20)
    monkeypatch.setattr(subscription, "WAITING_BYTES", 5000)
    monkeypatch.setattr(subscription, "INFO_BYTES", 5000)
    monkeypatch.setattr(subscription, "STATUS_BYTES", 5000)


@pytest.mark.parametrize("latest", [True, False])
def test_streams_without_end_are_forgotten(latest: bool) -> None:
    names = [f"x{number}" for number in range(200)]
    status = pack(StatusHeader("gate", "e1", "running", 1.0))
    info = pack(InfoHeader("gate", "e1", MODEL))
    masks, _ = read([renamed(parts, name) for name in names for parts in (status, info)], latest=latest)
    assert len(masks.statuses) <= 20
    assert len(masks.infos) <= 20
    assert "x199" in masks.statuses
    assert "x199" in masks.infos
    assert "x0" not in masks.statuses
    masks.close()


def test_long_texts_leave_room_for_fewer_streams() -> None:
    long = pack(StatusHeader("gate", "e1", "running", 1.0, "", "m" * 900))
    masks, _ = read([renamed(long, f"x{number}") for number in range(20)])
    assert list(masks.statuses) == ["x15", "x16", "x17", "x18", "x19"][-len(masks.statuses) :]
    assert 1 <= len(masks.statuses) <= 5
    masks.close()


def test_bodies_that_wait_are_bounded_and_what_gave_way_is_a_gap() -> None:
    messages = [renamed(message("e1", 0, "good"), f"x{number}") for number in range(100)]
    masks, _ = read([*messages, renamed(message("e1", 1, "good"), "x0")])
    assert sum(len(waiting[1].body) for waiting in masks._waiting.values()) <= 5000
    found = []
    while masks._waiting:
        found.append(masks._take())
    assert len(found) < 20
    assert [(mask.stream, mask.gaps) for mask in found][-1] == ("x0", 1)
    masks.close()


def test_large_messages_shorten_the_queue_and_small_ones_lengthen_it_again() -> None:
    topic, head, _ = message("e1", 0, "good")
    large = [topic, head, bytes(QUEUE_BYTES // 4)]
    masks, socket = read([large, *[[topic, head, b""]] * 1000])
    assert socket.hwm[0] == 3
    assert socket.hwm == sorted(socket.hwm)
    assert socket.hwm[-1] == HWM
    masks.close()


def test_one_message_of_the_largest_may_wait() -> None:
    topic, head, _ = message("e1", 0, "good")
    masks, socket = read([[topic, head, bytes(QUEUE_BYTES + 1)]])
    assert socket.hwm == [1]
    masks.close()


def test_why_a_message_could_not_be_read_is_short_and_printable() -> None:
    topic, head, _ = message("e1", 0, "good")
    key = rb"\u001b[31m\u202e" + b"k" * 2000
    strange = head.replace(b'"ms":{', b'"ms":{"' + key + b'":"x",')
    masks, _ = read([[topic, strange, b""]])
    count, why = masks.refused
    assert count == 1
    assert len(why) <= 300
    assert why.isprintable()
    assert "a finite number is wanted" in why
    masks.close()


def test_the_masks_of_a_test_are_small() -> None:
    assert make_segmentation().labels.nbytes < 100, "or the bounds above mean something else"
