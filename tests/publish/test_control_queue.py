"""What is due when: on change, to newcomers, and by the clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamseg.publish.control_queue import GREET_AT_ONCE, GREET_EVERY_S, MOST_DUE, ControlQueue, Notice
from streamseg.wire.control_headers import HeartbeatHeader, InfoHeader, StatusHeader
from tests.publish.conftest import MODEL

INFO = InfoHeader("gate", "e1", MODEL)
STATUS = StatusHeader("gate", "e1", "running", 1.0)


class Rig:
    """ControlQueue with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.newest: dict[str, int] = {}
        self.notices = ControlQueue("e1", self.newest.get, lambda: self.now_s, lambda: 1790000000.0)

    def due(self) -> list[Notice]:
        found = []
        while (notice := self.notices.take()) is not None:
            found.append(notice)
        return found

    def after(self, seconds: float) -> list[Notice]:
        self.now_s += seconds
        self.notices.tick()
        return self.due()


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_an_info_is_due_when_it_is_news(rig: Rig) -> None:
    rig.notices.inform(INFO)
    rig.notices.inform(replace(INFO))
    assert rig.due() == [INFO]
    rig.notices.inform(INFO)
    assert rig.due() == []
    newer = replace(INFO, model=replace(MODEL, version="2"))
    rig.notices.inform(newer)
    assert rig.due() == [newer]


def test_every_status_is_due_in_order(rig: Rig) -> None:
    later = replace(STATUS, state="failed")
    rig.notices.report(STATUS)
    rig.notices.report(later)
    assert rig.due() == [STATUS, later]


def test_the_model_of_a_stream(rig: Rig) -> None:
    rig.notices.report(STATUS)
    assert rig.notices.model("gate") is None
    rig.notices.inform(INFO)
    assert rig.notices.model("gate") == MODEL
    assert rig.notices.model("yard") is None


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (b"", [INFO, STATUS]),
        (b"seg/1/gate/", [INFO, STATUS]),
        (b"seg/1/gate/info", [INFO]),
        (b"seg/1/gate/status", [STATUS]),
        (b"seg/1/gate/mask", []),
        (b"seg/1/gat", [INFO, STATUS]),
        (b"seg/1/yard/", []),
        (b"pic/1/gate/", []),
    ],
)
def test_newcomers_are_told_what_they_can_see(rig: Rig, wanted: bytes, told: list[Notice]) -> None:
    rig.notices.inform(INFO)
    rig.notices.report(STATUS)
    rig.due()
    rig.notices.greet(wanted)
    rig.notices.greet(wanted)
    assert len(rig.notices) == len(told)
    assert rig.due() == told


def test_newcomers_without_end_are_greeted_together(rig: Rig) -> None:
    rig.notices.inform(INFO)
    rig.notices.report(STATUS)
    rig.due()
    for _ in range(GREET_AT_ONCE):
        rig.notices.greet(b"seg/1/")
        assert rig.due() == [INFO, STATUS]
    for _ in range(1000):
        rig.notices.greet(b"seg/1/")
        assert rig.due() == []
    assert rig.notices.wait_s == GREET_EVERY_S
    assert rig.after(GREET_EVERY_S / 2) == []
    assert rig.after(GREET_EVERY_S / 2) == [INFO, STATUS]
    rig.after(GREET_EVERY_S * GREET_AT_ONCE)
    rig.notices.greet(b"seg/1/")
    assert rig.due() == [INFO, STATUS]


def test_a_late_greeting_tells_the_newest_and_nothing_of_what_is_gone(rig: Rig) -> None:
    newest = replace(STATUS, state="failed")
    rig.notices.report(STATUS)
    rig.notices.report(replace(STATUS, stream="yard"))
    for _ in range(GREET_AT_ONCE + 1):
        rig.notices.greet(b"seg/1/")
        rig.due()
    rig.notices.report(newest)
    assert rig.due() == [newest]
    rig.notices.forget("yard")
    assert rig.after(GREET_EVERY_S) == [newest]


def test_beats_come_every_second_and_infos_every_five(rig: Rig) -> None:
    rig.notices.inform(INFO)
    rig.due()
    rig.newest["gate"] = 7
    beat = HeartbeatHeader("gate", "e1", 7, 1790000000.0)
    assert rig.after(0.5) == []
    assert rig.notices.wait_s == 0.5
    assert [rig.after(seconds) for seconds in (0.5, 0.5, 0.5, 1, 1, 1)] == [
        [beat],
        [],
        [beat],
        [beat],
        [beat],
        [INFO, beat],
    ]


def test_a_clock_that_is_past_due_makes_no_one_wait(rig: Rig) -> None:
    rig.now_s += 60.0
    assert rig.notices.wait_s == 0.0


def test_of_a_forgotten_stream_only_what_happened_is_told(rig: Rig) -> None:
    rig.notices.inform(INFO)
    rig.notices.report(STATUS)
    rig.notices.forget("gate")
    rig.notices.forget("gate")
    assert rig.due() == [STATUS]
    rig.notices.greet(b"")
    assert rig.after(10.0) == []


def test_a_stream_without_info_has_none_to_tell(rig: Rig) -> None:
    rig.notices.report(STATUS)
    rig.due()
    assert [type(notice) for notice in rig.after(10.0)] == [HeartbeatHeader]


def test_the_oldest_gives_way_when_nobody_takes(rig: Rig) -> None:
    for since in range(MOST_DUE + 3):
        rig.notices.report(replace(STATUS, since=float(since)))
    assert len(rig.notices) == MOST_DUE
    assert rig.notices.dropped == 3
    first = rig.notices.take()
    assert isinstance(first, StatusHeader)
    assert first.since == 3.0
