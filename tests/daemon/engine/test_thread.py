"""Changes are made on the engine's thread, in order, and none of them can end it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from streamseg.concurrency.deadline import Deadline
from streamseg.config.schema import StreamConfig
from streamseg.daemon.engine.thread import EngineThread
from streamseg.daemon.events import Events
from streamseg.daemon.stream.stream import Stream
from streamseg.types import Segmentation
from tests.fakes.engine import FakeEngine
from tests.fakes.source import make_frame
from tests.waiting import time_limit, wait_for


class Bench:
    """A thread with a fake engine, and what it made."""

    def __init__(self) -> None:
        self.events, self.engine, self.failing = Events(), FakeEngine(), list[object]()
        self.made: list[Segmentation] = []
        self.events.mask_made.connect(self.made.append)
        self.thread = EngineThread("main", self.events, lambda *what: self.failing.append(what))
        self.gate = Stream(
            "gate",
            StreamConfig.model_validate({"source": "x.mp4", "temporal": "ema"}),
            self.thread.wake,
            self.events,
            count(),
        )

    def play(self, *seqs: int) -> None:
        for seq in seqs:
            wait_for(lambda: len(self.gate.mailbox) == 0)
            self.gate.mailbox.put(make_frame("gate", seq))

    def seqs(self) -> list[int]:
        return [made.frame.seq for made in self.made]


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.thread.start()
    yield bench
    bench.thread.stop()
    assert bench.thread.join(Deadline(time_limit(60)))
    assert not bench.thread.alive


def test_a_stream_is_served_from_when_it_is_added_to_when_it_is_removed(bench: Bench) -> None:
    bench.thread.set_engine(bench.engine, {})
    bench.thread.add_stream("gate", bench.gate.pipeline(bench.engine), bench.gate.mailbox)
    bench.play(0, 1)
    wait_for(lambda: bench.seqs() == [0, 1])
    gone = threading.Event()
    bench.thread.remove_stream("gate")
    bench.thread.call(gone.set)
    assert gone.wait(time_limit(60))
    bench.gate.mailbox.put(make_frame("gate", 2))
    done = threading.Event()
    bench.thread.call(done.set)
    assert done.wait(time_limit(60))
    assert bench.seqs() == [0, 1]


def test_without_an_engine_frames_wait(bench: Bench) -> None:
    bench.thread.set_engine(bench.engine, {"gate": bench.gate.pipeline(bench.engine)})
    bench.thread.take_frames("gate", bench.gate.mailbox)
    bench.play(0)
    wait_for(lambda: bench.seqs() == [0])
    bench.thread.clear_engine({"gate": bench.gate})
    bench.gate.mailbox.put(make_frame("gate", 1))
    other = FakeEngine()
    bench.thread.set_engine(other, {"gate": bench.gate.pipeline(other)})
    bench.thread.take_frames("gate", bench.gate.mailbox)
    wait_for(lambda: bench.seqs() == [0, 1])
    assert [made.reset for made in bench.made] == [True, True]


def test_a_task_that_fails_is_counted_and_the_next_is_done(bench: Bench) -> None:
    def fail() -> None:
        raise ZeroDivisionError("a bug")

    done = threading.Event()
    bench.thread.call(fail)
    bench.thread.call(done.set)
    assert done.wait(time_limit(60))
    assert bench.thread.alive
    assert bench.events.errors.counts()["engine_task"] == 1


def test_an_update_holds_from_the_next_frame_on(bench: Bench) -> None:
    bench.thread.set_engine(bench.engine, {"gate": bench.gate.pipeline(bench.engine)})
    bench.thread.take_frames("gate", bench.gate.mailbox)
    bench.play(0)
    wait_for(lambda: bench.seqs() == [0])
    bench.gate.config = bench.gate.config.model_copy(update={"temporal": "none"})
    bench.thread.update_stream("gate", bench.gate.stage(bench.engine), bench.gate.view)
    bench.play(1)
    wait_for(lambda: bench.seqs() == [0, 1])
    assert [made.mode for made in bench.made] == ["ema", "none"]
