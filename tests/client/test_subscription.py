"""Subscribing, with the real publisher at the other end."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import zmq

import streamseg
from streamseg.client.subscription import Mask, Subscription, subscribe
from streamseg.concurrency.deadline import Deadline
from streamseg.errors import PublishError, WireError
from streamseg.publish.publisher import Publisher
from streamseg.types import ClassInfo, ModelInfo, StateChange, StreamState
from tests.publish.conftest import make_segmentation
from tests.waiting import time_limit, wait_for

CLASSES = (ClassInfo(2, "road", (128, 64, 128)), ClassInfo(3, "car", (64, 0, 128)))
INFO = ModelInfo("m", "1", "ab" * 32, "CC0-1.0", CLASSES, "fake", "f32", (64, 48))


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    made = Publisher(["tcp://127.0.0.1:0"], epoch="e1", hwm=64)  # none gives way, however slow the reader
    made.start()
    made.set_info("gate", INFO)
    yield made
    made.stop()
    assert made.join(Deadline(time_limit(60)))


def connect(publisher: Publisher, **options: Any) -> Subscription:
    made = subscribe(publisher.addresses[0], **{"stream": "gate", "timeout_s": time_limit(60), **options})
    wait_for(lambda: publisher.wanted("gate"))
    return made


def offer(publisher: Publisher, *seqs: int) -> None:
    """Publish masks one by one, so that none overtakes another."""
    for seq in seqs:
        publisher.offer(make_segmentation(seq), "zstd")
        wait_for(lambda seq=seq: publisher.sequence("gate") == seq)  # type: ignore[misc]


def test_a_mask_and_what_is_said_of_it(publisher: Publisher) -> None:
    with connect(publisher, latest=False) as masks:
        masks._timeout_s = 0.3
        wait_for(lambda: _silent(masks) and masks.info is not None)
        masks._timeout_s = time_limit(60)
        offer(publisher, 0)
        mask = next(masks)
    sent = make_segmentation(0)
    assert (mask.labels == sent.labels).all()
    assert (mask.stream, mask.seq, mask.gaps) == ("gate", 0, 0)
    assert [c.name for c in mask.classes] == ["car"]
    assert masks.info == INFO
    assert mask.age_s > 0
    assert len(mask.to_frame) == 6
    assert mask.confidence == pytest.approx(150 / 255, abs=1e-4)
    assert mask.reset is False


def test_every_mask_in_order(publisher: Publisher) -> None:
    with connect(publisher, latest=False) as masks:
        offer(publisher, *range(5))
        assert [next(masks).seq for _ in range(5)] == list(range(5))


def test_latest_skips_to_the_newest_and_tells_no_loss(publisher: Publisher) -> None:
    with connect(publisher) as masks:
        offer(publisher, *range(4))
        wait_for(lambda: bool(masks._socket.poll(0)))
        seen = [next(masks)]
        while seen[-1].seq < 3:
            seen.append(next(masks))
        assert sum(mask.gaps for mask in seen) == 0, "what the client skipped was not lost"


class Raw:
    """An XPUB that sends what it is told."""

    def __init__(self) -> None:
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XPUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.address = f"tcp://127.0.0.1:{self.socket.bind_to_random_port('tcp://127.0.0.1')}"

    def await_subscriber(self) -> None:
        assert self.socket.poll(int(time_limit(60) * 1000))
        self.socket.recv()


@pytest.fixture
def raw() -> Iterator[Raw]:
    made = Raw()
    yield made
    made.socket.close()


def parts(publisher: Publisher, seq: int, **changes: Any) -> list[bytes]:
    """A mask message as the publisher would send it, with changes to its header."""
    import json

    from streamseg.publish.encode import build_mask_message
    from streamseg.publish.outbox import Pending
    from streamseg.wire.message import pack

    pending = Pending(make_segmentation(seq), "raw", "", seq, 0)
    header, body = build_mask_message(pending, epoch="e1", wall=lambda: 1.0, clock=lambda: 1.0)
    topic, head, body = pack(header, body)
    return [topic, json.dumps({**json.loads(head), **changes}).encode(), body]


def test_gaps_are_counted_within_an_epoch(raw: Raw, publisher: Publisher) -> None:
    with subscribe(raw.address, latest=False, timeout_s=time_limit(60)) as masks:
        raw.await_subscriber()
        for epoch, seq in (("a", 0), ("a", 1), ("a", 5), ("b", 0), ("b", 2)):
            raw.socket.send_multipart(parts(publisher, seq, epoch=epoch))
        assert [next(masks).gaps for _ in range(5)] == [0, 0, 3, 0, 1]


def test_what_is_not_seg_1_is_counted_not_raised(raw: Raw, publisher: Publisher) -> None:
    with subscribe(raw.address, latest=False, timeout_s=time_limit(60)) as masks:
        raw.await_subscriber()
        for bad in ([b"seg/1/gate/mask"], [b"seg/1/gate/mask", b"{", b""], [b"seg/1/x", b"{}", b""]):
            raw.socket.send_multipart(bad)
        raw.socket.send_multipart(parts(publisher, 7))
        assert next(masks).seq == 7
        count, reason = masks.refused
        assert count == 3
        assert reason


def test_an_unknown_encoding_is_said(raw: Raw, publisher: Publisher) -> None:
    with subscribe(raw.address, latest=False, timeout_s=time_limit(60)) as masks:
        raw.await_subscriber()
        mask = {
            "w": 64,
            "h": 48,
            "dtype": "u8",
            "encoding": "av2",
            "bytes": 64 * 48,
            "to_frame": [1, 0, 0, 0, 1, 0],
        }
        raw.socket.send_multipart(parts(publisher, 0, mask=mask))
        with pytest.raises(WireError, match="av2"):
            next(masks)
        raw.socket.send_multipart(parts(publisher, 1))
        found: Mask = next(masks)
        assert found.seq == 1
        assert [c.name for c in found.classes] == ["3"], "no info was sent"


def test_a_state_of_tomorrow_is_read(raw: Raw) -> None:
    status = b'{"v":1,"stream":"gate","epoch":"e","state":"hibernating","reason":"","message":"","since":5}'
    with subscribe(raw.address, "gate", latest=False, timeout_s=0.2) as masks:
        raw.await_subscriber()
        raw.socket.send_multipart([b"seg/1/gate/status", status, b""])
        raw.socket.send_multipart([b"seg/1/gate/beat", b'{"v":1,"stream":"gate"}', b""])
        wait_for(lambda: _silent(masks) and bool(masks.refused[0]))
        assert masks.statuses["gate"].since == 5, masks.refused
        assert masks.refused[0] == 1, "the beat, which has no epoch"


class Flood:
    """A socket on which more has always come already."""

    def poll(self, _timeout_ms: int) -> int:
        return zmq.POLLIN

    def recv_multipart(self) -> list[bytes]:
        return [b"seg/1/x", b"{}", b""]

    def close(self) -> None:
        pass


@pytest.mark.parametrize("latest", [True, False])
def test_a_flood_does_not_outlast_the_timeout(tmp_path: Path, latest: bool) -> None:
    masks = subscribe(f"ipc://{tmp_path}/nobody", latest=latest, timeout_s=0.3)
    masks._socket.close()
    masks._socket = cast("zmq.Socket[bytes]", Flood())
    with pytest.raises(TimeoutError):
        next(masks)
    assert masks.refused[0] > 0


def test_over_ipv6() -> None:
    publisher = Publisher(["tcp://[::1]:0"])
    try:
        publisher.start()
    except PublishError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with subscribe(publisher.addresses[0], "gate", timeout_s=time_limit(60)) as masks:
        wait_for(lambda: publisher.wanted("gate"))
        offer(publisher, 0)
        assert next(masks).seq == 0
    publisher.stop()
    assert publisher.join(Deadline(time_limit(60)))


def test_silence_is_a_timeout_and_the_next_call_works(publisher: Publisher) -> None:
    with connect(publisher, timeout_s=0.2) as masks:
        with pytest.raises(TimeoutError, match="no mask within"):
            next(masks)
        masks._timeout_s = time_limit(60)
        offer(publisher, 0)
        assert next(masks).seq == 0


def test_close_ends_a_waiting_iterator(publisher: Publisher) -> None:
    masks, seen = connect(publisher, timeout_s=None), list[Mask]()
    reader = threading.Thread(target=lambda: seen.extend(masks))
    reader.start()
    masks.close()
    masks.close()
    reader.join(time_limit(60))
    assert not reader.is_alive()
    with pytest.raises(StopIteration):
        next(masks)


class LetGoLate:
    """A lock that is asked for while the iterator is on its way out, the moment before it lets go."""

    def __init__(self, masks: Subscription) -> None:
        self._masks, self._lock = masks, threading.Lock()
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._masks.close()
        self._lock.release()


def test_a_close_in_the_last_moment_of_the_iterator_closes_the_socket(tmp_path: Path) -> None:
    masks = subscribe(f"ipc://{tmp_path}/nobody", timeout_s=0)
    masks._busy = cast("threading.Lock", LetGoLate(masks))
    with pytest.raises(TimeoutError):
        next(masks)
    assert masks._socket.closed


def test_states_are_kept(publisher: Publisher) -> None:
    publisher.status(StateChange("gate", StreamState.BACKOFF, 5.0, "refused", "nobody there", 2.0))
    with connect(publisher, timeout_s=0.5) as masks:
        wait_for(lambda: _silent(masks) and "gate" in masks.statuses)
        assert masks.statuses["gate"].reason == "refused"
        assert masks.statuses["gate"].retry_in_s == 2.0


def _silent(masks: Subscription) -> bool:
    with pytest.raises(TimeoutError):
        next(masks)
    return True


def test_a_name_that_is_no_stream() -> None:
    with pytest.raises(WireError, match="not a stream's name: 'a/b'"):
        streamseg.subscribe("tcp://127.0.0.1:5", stream="a/b")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "tcp://host",
        "tcp://host:0",
        "tcp://host:99999",
        "tcp://host:" + "9" * 5000,
        "tcp://\udcff:1",
        "udp://127.0.0.1:5",
        "ipc://",
        "ipc:///" + "a" * 200,
    ],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(WireError, match="not an address to subscribe to") as caught:
        streamseg.subscribe(address)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("streamseg", {"zmq", "cv2", "numpy"}),
        ("streamseg.client", {"cv2", "av", "openvino", "torch", "pydantic"}),
    ],
)
def test_importing_stays_light(module: str, absent: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not absent & set(done.stdout.split())


def test_there_is_nothing_else_to_import() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = streamseg.nothing
