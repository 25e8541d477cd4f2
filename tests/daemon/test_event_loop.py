"""The main thread does what is handed in, what has come due, and stops when told."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from streamseg.daemon import event_loop as room
from streamseg.daemon.event_loop import EventLoop
from tests.status.clock import Clock


def test_in_the_order_it_was_handed_in() -> None:
    desk, done = EventLoop(), list[int]()
    for number in range(5):
        desk.hand_in(lambda number=number: done.append(number))  # type: ignore[misc]
    desk.work(0.0)
    assert done == [0, 1, 2, 3, 4]


def test_what_is_handed_in_while_at_work_is_done_too() -> None:
    desk, done = EventLoop(), list[str]()
    desk.hand_in(lambda: desk.hand_in(lambda: done.append("second")))
    desk.work(0.0)
    assert done == ["second"]


def test_later_is_later_and_the_earliest_comes_first() -> None:
    clock, done = Clock(), list[str]()
    desk = EventLoop(clock)
    desk.after(20.0, lambda: done.append("twenty"))
    desk.after(10.0, lambda: done.append("ten"))
    desk.after(10.0, lambda: done.append("ten again"))
    desk.work(0.0)
    assert done == []
    clock.now_s += 10.0
    desk.work(0.0)
    assert done == ["ten", "ten again"]
    clock.now_s += 10.0
    desk.work(0.0)
    assert done[-1] == "twenty"


def test_it_wakes_for_what_is_due() -> None:
    desk, done = EventLoop(), threading.Event()
    desk.after(0.01, done.set)
    while not done.is_set():
        desk.work(60.0)  # the test's own timeout ends one that sleeps on


def test_another_thread_wakes_it() -> None:
    desk, done = EventLoop(), threading.Event()
    thread = threading.Thread(target=lambda: desk.hand_in(done.set))
    thread.start()
    while not done.is_set():
        desk.work(60.0)
    thread.join()


def test_the_end_wakes_it_and_leaves_the_rest() -> None:
    desk, done = EventLoop(), list[str]()
    desk.hand_in(lambda: done.append("before"))
    desk.hand_in(desk.end)
    desk.hand_in(lambda: done.append("after"))
    desk.work(60.0)
    assert desk.ended
    assert done == ["before"]
    desk.end()
    desk.work(60.0)
    assert done == ["before"]


def test_what_waits_already_is_not_done_twice() -> None:
    desk, done = EventLoop(), list[str]()
    again = partial(done.append, "reload")
    for _ in range(3):
        desk.hand_in(again, once=True)
    desk.work(0.0)
    desk.hand_in(again, once=True)
    desk.work(0.0)
    assert done == ["reload", "reload"]


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(room, "MOST_WAITING", 2)
    desk, done = EventLoop(), list[int]()
    for number in range(3):
        desk.hand_in(lambda number=number: done.append(number))  # type: ignore[misc]
    desk.work(0.0)
    assert done == [0, 1]
    assert "does not keep up" in caplog.text


def test_what_fails_costs_itself_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock, done = Clock(), list[str]()
    desk = EventLoop(clock)

    def fail() -> None:
        raise ZeroDivisionError("a bug")

    desk.hand_in(fail)
    desk.after(0.0, fail)
    desk.hand_in(lambda: done.append("after it"))
    desk.work(0.0)
    assert done == ["after it"]
    assert desk.errors.counts() == {"main_thread_action": 2}
    assert "ZeroDivisionError: a bug" in caplog.text
