"""Losses: told once, told in full, and never made up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, cast

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from streamseg.client.sequence_gaps import MOST_STREAMS, Gaps
from streamseg.client.subscription import Subscription, subscribe
from streamseg.errors import WireError
from streamseg.publish.encode import build_mask_message
from streamseg.publish.outbox import Pending
from streamseg.wire.message import pack
from tests.publish.conftest import make_segmentation

NOBODY = "ipc:///nowhere/masks"  # asked for, and never there


def taken(gaps: Gaps, *arrived: tuple[str, int]) -> list[int]:
    """What each of the masks is told, arriving one by one."""
    told = []
    for epoch, seq in arrived:
        gaps.arrived("gate", epoch, seq)
        told.append(gaps.take("gate"))
    return told


@pytest.mark.parametrize(
    ("arrived", "told"),
    [
        ([("a", 5), ("a", 6), ("a", 9)], [0, 0, 2]),
        ([("a", 5), ("a", 5), ("a", 6)], [0, 0, 0]),
        ([("a", 10), ("a", 5), ("a", 11), ("a", 13)], [0, 0, 0, 1]),
        ([("a", 5), ("b", 0), ("b", 2)], [0, 0, 1]),
        ([("a", 5), ("b", 100), ("a", 6)], [0, 0, 0]),
        ([("a", 0), ("a", 10**12)], [0, 10**12 - 1]),
    ],
)
def test_numbers_that_are_left_out(arrived: list[tuple[str, int]], told: list[int]) -> None:
    assert taken(Gaps(), *arrived) == told


def test_what_could_not_be_read_is_told_with_the_next() -> None:
    gaps = Gaps()
    for seq in (0, 4):
        gaps.arrived("gate", "a", seq)
    gaps.lose("gate")  # mask 4
    gaps.arrived("gate", "b", 0)
    assert gaps.take("gate") == 4
    assert gaps.take("gate") == 0


def test_a_stream_nobody_has_heard_of() -> None:
    gaps = Gaps()
    gaps.lose("gate")
    assert gaps.take("gate") == 0


def test_streams_without_end_cost_no_memory() -> None:
    gaps = Gaps()
    for number in range(MOST_STREAMS + 50):
        gaps.arrived(f"x{number}", "a", 0)
    assert len(gaps._streams) == MOST_STREAMS


@dataclass(frozen=True)
class Sent:
    """What becomes of one mask on its way: of an epoch, lost, with a header or a body that cannot be read."""

    fate: str
    restart: bool


class Feed:
    """A socket with these messages on it, and then silence."""

    def __init__(self, messages: list[list[bytes]]) -> None:
        self._messages = deque(messages)

    def poll(self, _timeout_ms: int) -> int:
        return zmq.POLLIN if self._messages else 0

    def recv_multipart(self) -> list[bytes]:
        return self._messages.popleft()

    def close(self) -> None:
        pass


def message(epoch: str, seq: int, fate: str) -> list[bytes]:
    pending = Pending(make_segmentation(seq), "raw", "", seq, 0)
    header, body = build_mask_message(pending, epoch=epoch, wall=lambda: 1.0, clock=lambda: 1.0)
    topic, head, body = pack(header, body)
    return [topic, b"{" if fate == "header" else head, b"" if fate == "body" else body]


def feed(masks: Subscription, messages: list[list[bytes]]) -> None:
    masks._socket.close()
    masks._socket = cast("zmq.Socket[bytes]", cast("Any", Feed(messages)))


FATES = st.lists(
    st.builds(
        Sent,
        st.sampled_from(["good", "good", "lost", "header", "body"]),
        st.sampled_from([False, False, False, False, True]),
    ),
    max_size=30,
)


def journey(fates: list[Sent]) -> tuple[list[list[bytes]], list[int]]:
    """The messages that arrive, and what each mask that can be read should be told.

    What is lost after the last arrival of an epoch nobody can know of; all else is owed to the next mask.
    """
    messages: list[list[bytes]] = []
    told: list[int] = []
    epoch, seq, arrived, owed, unknown = 0, -1, False, 0, 0
    for sent in fates:
        if sent.restart:
            epoch, seq, arrived, unknown = epoch + 1, -1, False, 0
        seq += 1
        if sent.fate != "lost":
            messages.append(message(f"e{epoch}", seq, sent.fate))
        if sent.fate in ("lost", "header"):
            unknown += arrived
            continue
        owed, unknown, arrived = owed + unknown, 0, True
        if sent.fate == "body":
            owed += 1
        else:
            told.append(owed)
            owed = 0
    return messages, told


@given(fates=FATES)
def test_every_mask_that_is_not_delivered_is_in_a_gap(fates: list[Sent]) -> None:
    messages, due = journey(fates)
    masks = subscribe(NOBODY, latest=False, timeout_s=0.0)
    feed(masks, messages)
    found: list[int] = []
    while len(found) < len(due):
        try:
            found.append(next(masks).gaps)
        except WireError:
            continue
    with pytest.raises((TimeoutError, WireError)):
        next(masks)
    masks.close()
    assert found == due
