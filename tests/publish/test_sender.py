"""What the publishing thread does in one turn, on a socket that only writes down."""

from __future__ import annotations

from typing import Any, cast

import pytest
import zmq

from streamseg.publish.control_queue import ControlQueue
from streamseg.publish.outbox import Outbox
from streamseg.publish.peers import Peers
from streamseg.publish.sender import Manner, Sender
from streamseg.publish.subscriptions import Subscriptions
from streamseg.wire.control_headers import InfoHeader, StatusHeader
from streamseg.wire.message import unpack
from tests.publish.conftest import MODEL, make_segmentation


class PaperSocket:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[list[bytes]] = []
        self.full = False
        self._drops = True

    def send_multipart(self, parts: list[bytes], flags: int) -> None:
        assert flags == zmq.NOBLOCK
        if self.full and not self._drops:
            raise zmq.Again
        if not self.full:
            self.sent.append(parts)

    def setsockopt(self, option: int, value: int) -> None:
        assert option == zmq.XPUB_NODROP
        self._drops = not value


class PaperPeers:
    """What peers just subscribed to."""

    def __init__(self) -> None:
        self.wanted: list[bytes] = []

    def hear(self) -> list[bytes]:
        heard, self.wanted = self.wanted, []
        return heard


class Rig:
    """A sender with all it works on."""

    def __init__(self, pictures: bool = True) -> None:
        self.socket = PaperSocket()
        self.outbox = Outbox()
        self.now_s = 1000.0
        self.notices = ControlQueue("e1", self.outbox.newest, lambda: self.now_s)
        self.peers = PaperPeers()
        self.subscriptions = Subscriptions()
        self.subscriptions.join(1)
        socket = cast("zmq.Socket[bytes]", cast("Any", self.socket))
        manner = Manner("e1", pictures, clock=lambda: self.now_s)
        peers = cast("Peers", self.peers)
        self.sender = Sender(socket, self.outbox, self.notices, peers, self.subscriptions, manner)

    def hear(self, *wanted: bytes) -> None:
        for one in wanted:
            self.subscriptions.take(b"\x01" + one, 1)
        self.peers.wanted.extend(wanted)
        self.sender.hear()

    def offer(self, encoding: str = "raw") -> list[str]:
        """The topics that a mask is sent under."""
        self.outbox.put(make_segmentation(), encoding, "ab")
        self.sender.speak()
        sent, self.socket.sent = self.socket.sent, []
        return [parts[0].decode() for parts in sent]


@pytest.mark.parametrize(
    ("wanted", "topics"),
    [
        ([], []),
        ([b"seg/1/gate/mask"], ["seg/1/gate/mask"]),
        ([b"pic/1/gate/"], ["pic/1/gate/jpeg"]),
        ([b"seg/1/", b"pic/1/"], ["seg/1/gate/mask", "pic/1/gate/jpeg"]),
        ([b"seg/1/gate/info", b"seg/1/yard/"], []),
    ],
)
def test_only_what_is_wanted_is_sent(wanted: list[bytes], topics: list[str]) -> None:
    rig = Rig()
    rig.hear(*wanted)
    assert rig.offer() == topics


def test_pictures_that_are_not_offered_are_not_sent() -> None:
    rig = Rig(pictures=False)
    rig.hear(b"")
    assert rig.offer() == ["seg/1/gate/mask"]


def test_newcomers_are_greeted_one_notice_a_turn() -> None:
    rig = Rig()
    rig.notices.inform(InfoHeader("gate", "e1", MODEL))
    rig.notices.report(StatusHeader("gate", "e1", "running", 1.0))
    rig.sender.speak()
    rig.sender.speak()
    rig.socket.sent.clear()
    rig.hear(b"seg/1/gate/")
    for turn in (1, 2, 2):
        rig.sender.speak()
        assert len(rig.socket.sent) == turn
    assert [unpack(parts).header.kind for parts in rig.socket.sent] == ["info", "status"]


def speak_on(rig: Rig, seconds: float) -> list[str]:
    """The topics of what is sent in turns of 10 ms."""
    rig.socket.sent.clear()
    for _ in range(round(seconds * 100)):
        rig.now_s += 0.01
        rig.sender.speak()
    return [parts[0].decode() for parts in rig.socket.sent]


def test_a_notice_waits_for_a_full_queue() -> None:
    rig = Rig()
    rig.notices.report(StatusHeader("gate", "e1", "running", 1.0))
    rig.notices.report(StatusHeader("yard", "e1", "running", 1.0))
    rig.socket.full = True
    assert speak_on(rig, 0.03) == []
    assert rig.sender.holds_notices
    rig.socket.full = False
    assert speak_on(rig, 0.03) == ["seg/1/gate/status", "seg/1/yard/status"]
    assert not rig.sender.holds_notices


def test_a_subscriber_that_never_reads_costs_the_others_little_time() -> None:
    rig = Rig()
    for stream in range(20):
        rig.notices.report(StatusHeader(f"cam{stream}", "e1", "running", 1.0))
    rig.socket.full = True
    speak_on(rig, 0.30)  # patience once, then one a turn
    assert not rig.sender.holds_notices


def test_masks_do_not_wait_for_a_full_queue() -> None:
    rig = Rig()
    rig.hear(b"seg/1/")
    rig.socket.full = True
    rig.notices.report(StatusHeader("gate", "e1", "running", 1.0))
    rig.offer()
    assert len(rig.outbox) == 0


def test_the_end_of_a_stream_comes_after_its_last_mask() -> None:
    rig = Rig()
    rig.hear(b"seg/1/")
    rig.notices.report(StatusHeader("gate", "e1", "ended", 1.0))
    assert rig.offer() == ["seg/1/gate/mask", "seg/1/gate/status"]


def test_an_unfit_mask_is_logged_once_until_one_is_fit_again(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.hear(b"seg/1/")
    topics = [rig.offer(encoding) for encoding in ("av1", "av1", "raw", "av1")]
    assert topics == [[], [], ["seg/1/gate/mask"], []]
    assert [vars(record)["stream"] for record in caplog.records] == ["gate", "gate"]
    assert "mask 0 cannot be published" in caplog.text
    assert "mask 3 cannot be published" in caplog.text


def test_whoever_counts_masks_cannot_stop_them(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    rig = Rig()
    rig.sender = Sender(
        cast("zmq.Socket[bytes]", cast("Any", rig.socket)),
        rig.outbox,
        rig.notices,
        cast("Peers", rig.peers),
        rig.subscriptions,
        Manner("e1", sent=fail, clock=lambda: rig.now_s),
    )
    rig.hear(b"seg/1/")
    assert [rig.offer(), rig.offer()] == [["seg/1/gate/mask"]] * 2
    assert caplog.text.count("counting a mask that was sent failed") == 1, "told once in a while"
