"""The publisher against plain ZeroMQ subscribers."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamseg.concurrency.deadline import Deadline
from streamseg.errors import EXIT_UNEXPECTED, PublishError, WireError
from streamseg.publish import publisher as publisher_module
from streamseg.publish.publisher import Publisher
from streamseg.types import ClassInfo, StateChange, StreamState
from streamseg.wire.control_headers import HeartbeatHeader, InfoHeader, StatusHeader
from streamseg.wire.header import MaskHeader, PictureHeader
from streamseg.wire.topics import Kind
from tests.publish.conftest import MODEL, SOON_S, Subscribe, make_segmentation
from tests.waiting import wait_for

RUNNING = StateChange("gate", StreamState.RUNNING, 1790000000.0)
INFO = InfoHeader("gate", "e1", MODEL)
FAILED = StateChange("gate", StreamState.FAILED, 1790000009.0, "auth", "wrong password", 30.0)


def wait_until_wanted(publisher: Publisher, stream: str = "gate") -> None:
    wait_for(lambda: publisher.wanted(stream), what=f"a subscription to {stream}")


def test_masks_arrive_as_they_were_offered(publisher: Publisher, subscribe: Subscribe) -> None:
    subscriber = subscribe(publisher.addresses[0], "seg/1/gate/mask")
    publisher.set_info("gate", MODEL)
    wait_until_wanted(publisher)
    for seq, encoding in enumerate(["raw", "zstd", "rle", "png"]):
        publisher.offer(make_segmentation(seq, label=seq), encoding)
        message = subscriber.next()
        header = message.header
        assert isinstance(header, MaskHeader)
        np.testing.assert_array_equal(message.labels(), np.full((6, 8), seq))
        assert (header.epoch, header.seq, header.mask.encoding) == ("e1", seq, encoding)
        assert header.model == "sha256:" + MODEL.sha256
    assert publisher.sequence("gate") == 3
    assert publisher.drops("gate") == 0


def test_only_what_somebody_subscribes_to_is_wanted(publisher: Publisher, subscribe: Subscribe) -> None:
    assert not publisher.wanted("cam1")
    masks = subscribe(publisher.addresses[0], "seg/1/cam1/")
    subscribe(publisher.addresses[0], "pic/1/cam2/jpeg")
    subscribe(publisher.addresses[0], "seg/1/cam3/beat")
    wait_until_wanted(publisher, "cam1")
    wait_until_wanted(publisher, "cam2")
    assert not publisher.wanted("cam10")
    assert not publisher.wanted("cam3")
    masks.unsubscribe("seg/1/cam1/")
    wait_for(lambda: not publisher.wanted("cam1"), what="the end of the subscription")


def test_subscribers_are_counted_as_they_come_and_go(publisher: Publisher, subscribe: Subscribe) -> None:
    address = publisher.addresses[0]
    subscribe(address, "seg/1/")
    leaving = [subscribe(address, "seg/1/gate/mask") for _ in range(2)]
    wait_for(lambda: publisher.subscribers("gate") == 3, what="three subscribers")
    wait_for(lambda: publisher.subscribers("yard") == 1, what="one subscriber to everything")
    leaving[0].close()
    wait_for(lambda: publisher.subscribers("gate") == 2, what="the end of one of two alike")
    assert publisher.wanted("gate")


def test_every_mask_sent_is_told_of(subscribe: Subscribe) -> None:
    told: list[tuple[str, float, int]] = []
    made = Publisher(["tcp://127.0.0.1:0"], on_sent=lambda *sent: told.append(sent))
    made.start()
    made.offer(make_segmentation(), "raw")  # to nobody
    subscriber = subscribe(made.addresses[0], "seg/1/gate/mask")
    wait_until_wanted(made)
    made.offer(make_segmentation(1), "raw")
    header = subscriber.next(Kind.MASK).header
    made.stop()
    assert made.join(Deadline(SOON_S))
    assert isinstance(header, MaskHeader)
    assert [(stream, round(spent_ms, 2), unsent) for stream, spent_ms, unsent in told] == [
        ("gate", header.ms["encode"], 0)
    ]


def test_masks_nobody_wants_are_numbered_and_not_encoded(publisher: Publisher, subscribe: Subscribe) -> None:
    assert publisher.sequence("gate") is None
    publisher.offer(make_segmentation(), "no encoding at all")
    assert publisher.sequence("gate") == 0
    subscriber = subscribe(publisher.addresses[0], "seg/1/")
    wait_until_wanted(publisher)
    publisher.offer(make_segmentation(), "raw")
    header = subscriber.next(Kind.MASK).header
    assert isinstance(header, MaskHeader)
    assert (header.seq, header.drops.publish) == (1, 0)


def test_before_the_start_the_newest_waits_and_losses_are_counted(subscribe: Subscribe) -> None:
    """What happens whenever the thread is slower than the streams, here made certain."""
    publisher = Publisher(["tcp://127.0.0.1:0"])
    publisher._subscriptions.join(0)
    publisher._subscriptions.take(b"\x01seg/1/gate/mask", 0)
    for seq in range(5):
        publisher.offer(make_segmentation(seq), "raw")
    assert (publisher.sequence("gate"), publisher.drops("gate")) == (3, 4)
    publisher.stop()


def test_pictures_come_only_to_those_who_ask(publisher: Publisher, subscribe: Subscribe) -> None:
    pictures = subscribe(publisher.addresses[0], "pic/1/gate/jpeg")
    wait_until_wanted(publisher)
    publisher.offer(make_segmentation(7), "raw")
    message = pictures.next()
    assert isinstance(message.header, PictureHeader)
    assert (message.header.seq, message.header.time.capture) == (0, 1790000000.0)
    image = cv2.imdecode(np.frombuffer(message.body, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (6, 8, 3)


def test_pictures_that_are_not_offered_are_not_wanted(subscribe: Subscribe) -> None:
    publisher = Publisher(["tcp://127.0.0.1:0"])
    publisher.start()
    subscribe(publisher.addresses[0], "pic/1/gate/jpeg", "seg/1/yard/mask")
    wait_until_wanted(publisher, "yard")
    assert not publisher.wanted("gate")
    publisher.stop()
    assert publisher.join(Deadline(SOON_S))


def test_newcomers_are_told_info_and_status_at_once(publisher: Publisher, subscribe: Subscribe) -> None:
    publisher.set_info("gate", MODEL)
    publisher.status(FAILED, fps=2.5)
    status = StatusHeader("gate", "e1", "failed", 1790000009.0, "auth", "wrong password", 30.0, 2.5)
    for _ in range(2):  # the second one subscribes to what is subscribed to already
        subscriber = subscribe(publisher.addresses[0], "seg/1/gate/")
        assert {subscriber.next().header for _ in range(2)} == {INFO, status}


def test_many_streams_greet_a_newcomer_without_loss(publisher: Publisher, subscribe: Subscribe) -> None:
    names = {f"cam{i}" for i in range(20)}
    for name in names:
        publisher.set_info(name, MODEL)
        publisher.status(replace(RUNNING, stream=name))
    subscriber = subscribe(publisher.addresses[0], "seg/1/")
    missing = {(name, kind) for name in names for kind in (Kind.INFO, Kind.STATUS)}
    while missing:
        header = subscriber.next().header
        missing.discard((header.stream, header.kind))


def test_changes_are_told(publisher: Publisher, subscribe: Subscribe) -> None:
    publisher.set_info("gate", MODEL)
    publisher.status(RUNNING)
    subscriber = subscribe(publisher.addresses[0], "seg/1/gate/info", "seg/1/gate/status")
    subscriber.next(Kind.STATUS)
    publisher.status(FAILED)
    publisher.set_info("gate", replace(MODEL, version="2"))
    wanted = {("failed", None), (None, "2")}
    while wanted:
        header = subscriber.next().header
        version = header.model.version if isinstance(header, InfoHeader) else None
        wanted.discard((getattr(header, "state", None), version))


def test_beats_carry_the_newest_number(publisher: Publisher, subscribe: Subscribe) -> None:
    publisher.set_info("gate", MODEL)
    subscriber = subscribe(publisher.addresses[0], "seg/1/gate/beat")
    header = subscriber.next().header
    assert isinstance(header, HeartbeatHeader)
    assert header.seq is None
    publisher.offer(make_segmentation(), "raw")
    while isinstance(header, HeartbeatHeader) and header.seq is None:  # more than one may have come before
        header = subscriber.next().header
    assert isinstance(header, HeartbeatHeader)
    assert header.seq == 0


def test_a_removed_stream_is_told_of_no_more_and_its_numbers_go_on(
    publisher: Publisher, subscribe: Subscribe
) -> None:
    publisher.set_info("gate", MODEL)
    publisher.offer(make_segmentation(), "raw")
    publisher.remove("gate")
    publisher.remove("gate")
    publisher.set_info("yard", MODEL)
    subscriber = subscribe(publisher.addresses[0], "seg/1/")
    assert {subscriber.next().header.stream for _ in range(2)} == {"yard"}
    publisher.offer(make_segmentation(), "raw")
    header = subscriber.next(Kind.MASK).header
    assert isinstance(header, MaskHeader)
    assert header.seq == 1


def test_what_waits_goes_out_before_the_socket_closes(
    subscribe: Subscribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "LAST_WORDS_S", SOON_S)
    publisher = Publisher(["tcp://127.0.0.1:0"])
    publisher.start()
    subscriber = subscribe(publisher.addresses[0], "seg/1/")
    wait_until_wanted(publisher)
    publisher.offer(make_segmentation(label=9), "raw")
    publisher.status(replace(RUNNING, state=StreamState.ENDED))
    publisher.stop()
    publisher.stop()
    publisher.offer(make_segmentation(), "raw")
    assert publisher.join(Deadline(SOON_S))
    mask, status = subscriber.next(), subscriber.next()
    assert mask.labels().max() == 9
    assert isinstance(status.header, StatusHeader)
    assert status.header.state == "ended"


def test_a_subscriber_that_does_not_read_holds_up_nobody(publisher: Publisher, subscribe: Subscribe) -> None:
    subscribe(publisher.addresses[0], "seg/1/gate/mask")
    wait_until_wanted(publisher)
    big = replace(make_segmentation(), labels=np.zeros((2000, 2000), np.uint8), confidence=None)
    for seq in range(30):
        publisher.offer(big, "raw")
        wait_for(lambda seq=seq: publisher.sequence("gate") == seq, what="the next mask to be taken")  # type: ignore[misc]
    awake = subscribe(publisher.addresses[0], "seg/1/yard/mask")
    wait_until_wanted(publisher, "yard")
    publisher.offer(make_segmentation(stream="yard"), "raw")
    assert awake.next().header.stream == "yard"


def test_a_mask_that_cannot_be_encoded_costs_no_more_than_itself(
    publisher: Publisher, subscribe: Subscribe, caplog: pytest.LogCaptureFixture
) -> None:
    subscriber = subscribe(publisher.addresses[0], "seg/1/gate/mask")
    wait_until_wanted(publisher)
    with caplog.at_level(logging.ERROR):
        publisher.offer(make_segmentation(), "av1")
        wait_for(lambda: "unknown mask encoding 'av1'" in caplog.text, what="the error in the log")
    publisher.offer(make_segmentation(), "raw")
    header = subscriber.next().header
    assert isinstance(header, MaskHeader)
    assert header.seq == 1


@pytest.mark.parametrize("name", ["a/b", ""])
def test_a_stream_needs_a_proper_name(name: str) -> None:
    publisher = Publisher(["tcp://127.0.0.1:0"])
    with pytest.raises(WireError, match="not a stream's name"):
        publisher.set_info(name, MODEL)
    with pytest.raises(WireError, match="not a stream's name"):
        publisher.status(replace(RUNNING, stream=name))
    publisher.stop()


def test_an_info_that_fits_no_header_is_told_shortened(
    publisher: Publisher, subscribe: Subscribe, caplog: pytest.LogCaptureFixture
) -> None:
    classes = tuple(ClassInfo(i, "long" * 200, (0, 0, 0)) for i in range(256))
    for _ in range(2):
        publisher.set_info("gate", replace(MODEL, classes=classes))
    header = subscribe(publisher.addresses[0], "seg/1/gate/info").next(Kind.INFO).header
    assert isinstance(header, InfoHeader)
    assert len(header.model.classes) == 256
    told = [record for record in caplog.records if "does not fit the wire" in record.message]
    assert [vars(record)["stream"] for record in told] == ["gate"]
    assert "shortened" in told[0].message


def test_an_info_that_cannot_be_made_to_fit_costs_no_more_than_itself(
    publisher: Publisher, subscribe: Subscribe, caplog: pytest.LogCaptureFixture
) -> None:
    publisher.set_info("gate", replace(MODEL, classes=(ClassInfo(1000, "x", (0, 0, 0)),)))
    assert "cannot be told" in caplog.text
    publisher.set_info("yard", MODEL)
    assert subscribe(publisher.addresses[0], "seg/1/").next(Kind.INFO).header.stream == "yard"


def test_a_port_in_use_is_an_error_with_its_address(publisher: Publisher) -> None:
    other = Publisher([publisher.addresses[0]])
    with pytest.raises(PublishError, match=rf"{publisher.addresses[0]}: .*another port") as caught:
        other.start()
    assert caught.value.exit_code == EXIT_UNEXPECTED, "the port may be free in a moment: systemd tries again"
    assert not other.alive
    other.stop()
    assert other.join(Deadline(0.0))


def test_sockets_in_files_leave_nothing_behind(tmp_path: Path, subscribe: Subscribe) -> None:
    path = tmp_path / "masks"
    publisher = Publisher([f"ipc://{path}", "tcp://127.0.0.1:*"])
    publisher.start()
    assert len(publisher.addresses) == 2
    subscriber = subscribe(f"ipc://{path}", "seg/1/gate/mask")
    wait_until_wanted(publisher)
    publisher.offer(make_segmentation(), "raw")
    assert subscriber.next().labels().shape == (6, 8)
    publisher.stop()
    assert publisher.join(Deadline(SOON_S))
    assert not path.exists()
