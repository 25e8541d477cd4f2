"""What the books call missing, and what they call explained."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.loss_accounting import SILENCE_S, SLACK, Account, Ledger
from streamseg.publish.encode import build_mask_message
from streamseg.publish.outbox import Pending
from streamseg.wire.header import Drops, MaskHeader
from tests.fakes.stream import segmentation


def header(seq: int, frame_seq: int, capture: int = 0, publish: int = 0, epoch: str = "e") -> MaskHeader:
    made, _ = build_mask_message(
        Pending(segmentation(1), "raw", "", 0, 0), epoch=epoch, wall=lambda: 0.0, clock=lambda: 0.0
    )
    assert isinstance(made, MaskHeader)
    return replace(made, seq=seq, frame_seq=frame_seq, drops=Drops(capture, publish))


def after(*masks: tuple[MaskHeader, float], changed_s: float | None = None) -> Account:
    books = Ledger()
    stream = masks[0][0].stream
    for number, (mask, at_s) in enumerate(masks):
        if number == len(masks) - 1 and changed_s is not None:
            books.state(stream, changed_s)
        books.mask(mask, at_s)
    return books.accounts[stream]


def test_nothing_is_missing_of_what_is_in_order() -> None:
    account = after((header(0, 0), 0.0), (header(1, 1), 0.1), (header(2, 2), 0.2))
    assert (account.masks, account.masks_missing, account.frames_missing, account.unexplained) == (3, 0, 0, 0)


@pytest.mark.parametrize(
    ("drops", "unexplained"), [(20, 0), (20 - SLACK, 0), (18 - SLACK, 2), (0, 20 - SLACK), (30, 0)]
)
def test_a_frame_is_explained_by_a_drop(drops: int, unexplained: int) -> None:
    account = after((header(0, 0), 0.0), (header(1, 21, capture=drops), 0.1))
    assert (account.frames_missing, account.unexplained) == (20, unexplained)


def test_drops_may_be_told_too_early_but_not_too_few() -> None:
    early = [header(seq, 3 * seq, capture=2 * seq + 3 * (seq % 2)) for seq in range(40)]
    assert after(*((mask, 0.1 * mask.seq) for mask in early)).unexplained == 0
    few = [header(seq, 3 * seq, capture=seq) for seq in range(40)]
    assert after(*((mask, 0.1 * mask.seq) for mask in few)).unexplained == 39 - SLACK


@pytest.mark.parametrize(("drops", "unexplained"), [(2, 0), (0, 2)])
def test_a_mask_is_explained_by_a_drop_and_its_frame_is_not_missing_too(drops: int, unexplained: int) -> None:
    account = after((header(0, 0), 0.0), (header(3, 3, publish=drops), 0.1))
    assert (account.masks_missing, account.unexplained) == (2, unexplained)


@pytest.mark.parametrize("now", [header(0, 0, epoch="f"), header(7, 0)])
def test_counting_anew_is_a_restart_and_no_gap(now: MaskHeader) -> None:
    account = after((header(5, 50), 0.0), (now, 0.1))
    assert (account.restarts, account.unexplained) == (1, 0)


@pytest.mark.parametrize(("changed_s", "unexplained"), [(None, 1), (2.0, 0), (-5.0, 1)])
def test_a_silence_is_explained_by_a_change_of_state(changed_s: float | None, unexplained: int) -> None:
    account = after((header(0, 0), 0.0), (header(1, 1), SILENCE_S + 1), changed_s=changed_s)
    assert (account.silences, account.unexplained) == (1, unexplained)
    assert account.longest_s == SILENCE_S + 1
