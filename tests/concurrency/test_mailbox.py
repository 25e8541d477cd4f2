"""The mailbox against a model of itself (hypothesis), and its waits and wake-ups across threads."""

from __future__ import annotations

import threading
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.mailbox import Closed, Mailbox, Overflow
from streamseg.concurrency.worker_thread import StoppableThread
from tests.waiting import time_limit

SOON_S = time_limit(60)  # far more than any of these waits takes; reached only when a test fails


class DropOldestMachine(RuleBasedStateMachine):
    """Every sequence of calls does what a plain deque would do, and nothing is lost uncounted."""

    def __init__(self) -> None:
        super().__init__()
        self.mailbox: Mailbox[int] = Mailbox(3, Overflow.DROP_OLDEST)
        self.model: deque[int] = deque(maxlen=3)
        self.accepted = 0
        self.taken = 0
        self.closed = False

    @rule(item=st.integers())
    def put(self, item: int) -> None:
        if self.closed:
            with pytest.raises(Closed):
                self.mailbox.put(item)
            return
        assert self.mailbox.put(item)
        self.model.append(item)
        self.accepted += 1

    @rule()
    def poll(self) -> None:
        if self.closed and not self.model:
            with pytest.raises(Closed):
                self.mailbox.poll()
            return
        expected = self.model.popleft() if self.model else None
        self.taken += expected is not None
        assert self.mailbox.poll() == expected

    @precondition(lambda self: bool(self.model))
    @rule()
    def get(self) -> None:
        self.taken += 1
        assert self.mailbox.get(timeout_s=0) == self.model.popleft()

    @rule(discard=st.booleans())
    def close(self, discard: bool) -> None:
        self.mailbox.close(discard=discard)
        self.closed = True
        if discard:
            self.model.clear()

    @invariant()
    def adds_up(self) -> None:
        assert len(self.mailbox) == len(self.model) <= 3
        assert self.mailbox.closed is self.closed
        assert self.mailbox.dropped == self.accepted - self.taken - len(self.model)


TestDropOldest = DropOldestMachine.TestCase


@given(items=st.lists(st.integers(), max_size=50), capacity=st.integers(1, 5))
def test_a_blocking_mailbox_loses_nothing_and_keeps_the_order(items: list[int], capacity: int) -> None:
    mailbox: Mailbox[int] = Mailbox(capacity, Overflow.BLOCK)

    def put_all(_: threading.Event) -> None:
        for item in items:
            mailbox.put(item)
        mailbox.close(discard=False)

    producer = StoppableThread("producer", put_all)
    producer.start()
    assert [mailbox.get(SOON_S) for _ in items] == items
    with pytest.raises(Closed):
        mailbox.get(SOON_S)
    assert mailbox.dropped == 0
    assert producer.join(Deadline(SOON_S))


def test_a_full_blocking_mailbox_refuses_after_its_time() -> None:
    mailbox: Mailbox[str] = Mailbox(1, Overflow.BLOCK)
    assert mailbox.put("first")
    assert not mailbox.put("second", timeout_s=0.01)
    assert (mailbox.get(), mailbox.dropped, len(mailbox)) == ("first", 0, 0)


def test_an_empty_mailbox_times_out() -> None:
    mailbox: Mailbox[int] = Mailbox(1, Overflow.DROP_OLDEST)
    with pytest.raises(TimeoutError):
        mailbox.get(timeout_s=0.01)
    assert mailbox.poll() is None


def test_close_wakes_a_blocked_get() -> None:
    mailbox: Mailbox[int] = Mailbox(1, Overflow.DROP_OLDEST)
    seen: list[BaseException] = []
    consumer = StoppableThread("consumer", lambda _: seen.append(_closed_by(lambda: mailbox.get(SOON_S))))
    consumer.start()
    mailbox.close(discard=False)
    assert consumer.join(Deadline(SOON_S))
    assert isinstance(seen[0], Closed)


def test_close_wakes_a_blocked_put_and_discards() -> None:
    mailbox: Mailbox[int] = Mailbox(1, Overflow.BLOCK)
    mailbox.put(1)
    seen: list[BaseException] = []
    producer = StoppableThread("producer", lambda _: seen.append(_closed_by(lambda: mailbox.put(2, SOON_S))))
    producer.start()
    mailbox.close(discard=True)
    assert producer.join(Deadline(SOON_S))
    assert isinstance(seen[0], Closed)
    assert (mailbox.dropped, len(mailbox)) == (1, 0)


def test_the_consumer_is_told_of_every_put_and_of_the_close() -> None:
    told: list[None] = []
    mailbox: Mailbox[int] = Mailbox(1, Overflow.DROP_OLDEST, on_put=lambda: told.append(None))
    mailbox.put(1)
    mailbox.put(2)
    mailbox.close(discard=False)
    assert len(told) == 3


def test_the_consumer_may_look_inside_when_it_is_told() -> None:
    seen: list[int] = []
    mailbox: Mailbox[int] = Mailbox(2, Overflow.DROP_OLDEST, on_put=lambda: seen.append(len(mailbox)))
    mailbox.put(1)  # would deadlock if on_put ran under a lock that is held by another thread's look
    mailbox.put(2)
    assert seen == [1, 2]


@pytest.mark.parametrize("capacity", [0, -1])
def test_no_room_at_all_is_a_mistake(capacity: int) -> None:
    with pytest.raises(ValueError, match="at least one item"):
        Mailbox(capacity, Overflow.BLOCK)


def _closed_by(call: object) -> BaseException:
    assert callable(call)
    with pytest.raises(Closed) as caught:
        call()
    return caught.value
