"""A publisher that sends without end costs a subscriber bounded memory."""

from __future__ import annotations

from typing import cast

import pytest
import zmq

from streamseg.client import subscription
from streamseg.client.subscription import HWM, QUEUE_BYTES, Subscription, subscribe
from streamseg.concurrency.deadline import Deadline
from streamseg.publish.publisher import Publisher
from streamseg.wire.control_headers import InfoHeader, StatusHeader
from streamseg.wire.message import pack
from tests.client.test_sequence_gaps import NOBODY, Feed, message
from tests.publish.conftest import MODEL, make_segmentation
from tests.waiting import time_limit, wait_for


def read(messages: list[list[bytes]], *, latest: bool = True) -> Subscription:
    """A subscription that has read all of it."""
    masks, socket = subscribe(NOBODY, latest=latest, timeout_s=0.0), Feed(messages)
    masks._socket.close()
    masks._socket = cast("zmq.Socket[bytes]", socket)
    while socket.poll(0):
        masks._drain()
    return masks


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
    masks = read([renamed(parts, name) for name in names for parts in (status, info)], latest=latest)
    assert len(masks.statuses) <= 20
    assert len(masks.infos) <= 20
    assert "x199" in masks.statuses
    assert "x199" in masks.infos
    assert "x0" not in masks.statuses
    masks.close()


def test_long_texts_leave_room_for_fewer_streams() -> None:
    long = pack(StatusHeader("gate", "e1", "running", 1.0, "", "m" * 900))
    masks = read([renamed(long, f"x{number}") for number in range(20)])
    assert list(masks.statuses) == ["x15", "x16", "x17", "x18", "x19"][-len(masks.statuses) :]
    assert 1 <= len(masks.statuses) <= 5
    masks.close()


def test_bodies_that_wait_are_bounded_and_what_gave_way_is_a_gap() -> None:
    messages = [renamed(message("e1", 0, "good"), f"x{number}") for number in range(100)]
    masks = read([*messages, renamed(message("e1", 1, "good"), "x0")])
    assert sum(len(waiting[1].body) for waiting in masks._waiting.values()) <= 5000
    found = []
    while masks._waiting:
        found.append(masks._take())
    assert len(found) < 20
    assert [(mask.stream, mask.gaps) for mask in found][-1] == ("x0", 1)
    masks.close()


@pytest.mark.parametrize(
    ("sizes", "queues"),
    [
        ([1000, QUEUE_BYTES // HWM - 1000, 1000], []),
        ([QUEUE_BYTES // 32, 1000, QUEUE_BYTES // 32, QUEUE_BYTES // 10], [16, 4]),
        ([QUEUE_BYTES // 2, QUEUE_BYTES + 1], [1]),
    ],
)
def test_large_messages_shorten_the_queue(
    sizes: list[int], queues: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, head, _ = message("e1", 0, "good")
    feed = Feed([[topic, head, bytes(size)] for size in sizes])
    opened: list[int] = []

    def reopen(address: str, wanted: bytes, hwm: int) -> Feed:
        assert (address, wanted) == (NOBODY, b"seg/1/")
        opened.append(hwm)
        return feed

    monkeypatch.setattr(subscription, "_open", reopen)
    masks = subscribe(NOBODY, timeout_s=0.0)
    while feed.poll(0):
        masks._drain()
    assert opened == [HWM, *queues]


def test_masks_go_on_after_the_first_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "QUEUE_BYTES", 1000)
    publisher = Publisher(["tcp://127.0.0.1:0"])
    publisher.start()
    with subscribe(publisher.addresses[0], "gate", latest=False, timeout_s=0.2) as masks:
        seen: list[int] = []

        def offered() -> bool:
            publisher.offer(make_segmentation(), "raw")
            try:
                seen.append(next(masks).seq)
            except TimeoutError:
                return False
            return len(seen) >= 5

        wait_for(offered, what="masks by the shorter queue")
        assert masks._hwm == 1
    publisher.stop()
    assert publisher.join(Deadline(time_limit(60)))


def test_why_a_message_could_not_be_read_is_short_and_printable() -> None:
    topic, head, _ = message("e1", 0, "good")
    key = rb"\u001b[31m\u202e" + b"k" * 2000
    strange = head.replace(b'"ms":{', b'"ms":{"' + key + b'":"x",')
    masks = read([[topic, strange, b""]])
    count, why = masks.refused
    assert count == 1
    assert len(why) <= 300
    assert why.isprintable()
    assert "a finite number is wanted" in why
    masks.close()


def test_the_masks_of_a_test_are_small() -> None:
    assert make_segmentation().labels.nbytes < 100, "or the bounds above mean something else"
