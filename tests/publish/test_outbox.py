"""The outbox: the newest wins, everything is numbered and counted, streams keep their turn."""

from __future__ import annotations

from dataclasses import replace

from streamseg.publish.outbox import Outbox
from tests.publish.conftest import make_segmentation


def taken(outbox: Outbox) -> tuple[str, int, int, int]:
    pending = outbox.take()
    assert pending is not None
    frame = pending.segmentation.frame
    return frame.stream, frame.seq, pending.seq, pending.dropped


def test_what_is_put_is_taken_once() -> None:
    outbox = Outbox()
    outbox.put(make_segmentation(7), "zstd", "ab")
    pending = outbox.take()
    assert pending is not None
    assert (pending.encoding, pending.model_sha256, pending.seq) == ("zstd", "ab", 0)
    assert outbox.take() is None


def test_a_newer_mask_takes_the_place_of_one_that_waits() -> None:
    outbox = Outbox()
    for seq in range(3):
        outbox.put(make_segmentation(seq), "raw", "")
    assert len(outbox) == 1
    assert taken(outbox) == ("gate", 2, 2, 2)
    assert outbox.dropped("gate") == 2


def test_a_reset_outlives_the_mask_it_came_with() -> None:
    outbox = Outbox()
    for number, reset in enumerate((True, False, False)):
        outbox.put(replace(make_segmentation(number), reset=reset), "raw", "")
    pending = outbox.take()
    assert pending is not None
    assert (pending.segmentation.frame.seq, pending.segmentation.reset) == (2, True)
    outbox.put(replace(make_segmentation(3), reset=False), "raw", "")
    assert (last := outbox.take()) is not None
    assert not last.segmentation.reset


def test_a_stream_that_is_often_replaced_keeps_its_turn() -> None:
    outbox = Outbox()
    outbox.put(make_segmentation(0, "fast"), "raw", "")
    outbox.put(make_segmentation(0, "slow"), "raw", "")
    outbox.put(make_segmentation(1, "fast"), "raw", "")
    assert taken(outbox) == ("fast", 1, 1, 1)
    assert taken(outbox) == ("slow", 0, 0, 0)


def test_masks_nobody_wants_are_numbered_but_no_loss() -> None:
    outbox = Outbox()
    outbox.count("gate")
    outbox.put(make_segmentation(1), "raw", "")
    assert taken(outbox) == ("gate", 1, 1, 0)


def test_the_newest_is_one_that_waits_no_more() -> None:
    outbox = Outbox()
    assert outbox.newest("gate") is None
    outbox.put(make_segmentation(0), "raw", "")
    assert outbox.newest("gate") is None
    outbox.take()
    assert outbox.newest("gate") == 0
    outbox.count("gate")
    assert outbox.newest("gate") == 1
