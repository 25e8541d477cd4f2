from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.mailbox import Mailbox, Overflow
from streamseg.errors import EngineError
from streamseg.inference.scheduler import BatchingPolicy
from streamseg.inference.worker import EngineWorker, WorkerEvents
from streamseg.types import Clock, Frame, Picture, PixelLayout, Segmentation, TemporalMode
from tests.waiting import time_limit

SOON_S = time_limit(60)


def frame(stream: str, seq: int = 0) -> Frame:
    picture = Picture(PixelLayout.GRAY, (np.zeros((2, 2), np.uint8),), (2, 2))
    return Frame(stream, seq, None, 0.0, 0.0, Clock.HOST, picture)


def segmentation(of: Frame) -> Segmentation:
    return Segmentation(
        of, np.zeros((2, 2), np.uint8), None, np.zeros((2, 2, 3), np.uint8), TemporalMode.NONE, reset=False
    )


class Bench:
    """A worker, what it emitted, and a way to wait for it."""

    def __init__(
        self,
        process: Callable[[Frame], Segmentation | None] = segmentation,
        together: Callable[[Sequence[Frame]], list[Segmentation | None]] | None = None,
        **events: Any,
    ) -> None:
        self.emitted: list[tuple[str, int]] = []
        self.process = process
        self._changed = threading.Condition()
        self.worker = EngineWorker(self._process, self.emit, WorkerEvents(**events), together=together)

    def _process(self, of: Frame) -> Segmentation | None:
        return self.process(of)  # looked up late: a test may set it after

    def emit(self, made: Segmentation) -> None:
        with self._changed:
            self.emitted.append((made.frame.stream, made.frame.seq))
            self._changed.notify_all()

    def stream(self, name: str, frames: int = 0, capacity: int = 100) -> Mailbox[Frame]:
        mailbox: Mailbox[Frame] = Mailbox(capacity, Overflow.DROP_OLDEST, self.worker.wake)
        for seq in range(frames):
            mailbox.put(frame(name, seq))
        self.worker.add(name, mailbox)
        return mailbox

    def until(self, condition: Callable[[list[tuple[str, int]]], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self.emitted), SOON_S), self.emitted

    def stop(self) -> bool:
        self.worker.stop()
        return self.worker.join(Deadline(SOON_S))


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    assert bench.stop()


def test_streams_take_turns(bench: Bench) -> None:
    bench.stream("busy", 5)
    bench.stream("slow", 2)
    bench.stream("other", 1)
    bench.worker.start()
    bench.until(lambda seen: len(seen) == 8)
    assert [name for name, _ in bench.emitted] == ["busy", "slow", "other", "busy", "slow", *["busy"] * 3]
    assert [seq for name, seq in bench.emitted if name == "busy"] == [0, 1, 2, 3, 4]


def test_a_put_wakes_it(bench: Bench) -> None:
    bench.worker.start()
    mailbox = bench.stream("gate")
    for seq in range(200):
        mailbox.put(frame("gate", seq))
        bench.until(lambda seen, seq=seq: ("gate", seq) in seen)  # type: ignore[misc]


def test_nothing_is_lost_between_many_hands(bench: Bench) -> None:
    bench.worker.start()
    boxes = {name: bench.stream(name, capacity=500) for name in "abcd"}

    def put(name: str) -> None:
        for seq in range(300):
            boxes[name].put(frame(name, seq))

    threads = [threading.Thread(target=put, args=(name,)) for name in boxes]
    for thread in threads:
        thread.start()
    bench.until(lambda seen: len(seen) == 1200)
    for thread in threads:
        thread.join(SOON_S)
    for name in boxes:
        assert [seq for stream, seq in bench.emitted if stream == name] == list(range(300))


def test_what_gives_nothing_is_not_emitted(bench: Bench) -> None:
    bench.process = lambda of: segmentation(of) if of.seq % 2 else None
    bench.stream("gate", 4)
    bench.worker.start()
    bench.until(lambda seen: seen == [("gate", 1), ("gate", 3)])


@pytest.mark.parametrize("error", [EngineError("NaN"), ValueError("a bug"), ZeroDivisionError()])
def test_a_crash_costs_one_frame_of_one_stream(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    failed: list[tuple[str, Exception]] = []
    bench = Bench(failed=lambda stream, what: failed.append((stream, what)))

    def process(of: Frame) -> Segmentation:
        if (of.stream, of.seq) == ("bad", 0):
            raise error
        return segmentation(of)

    bench.process = process
    bench.stream("bad", 2)
    bench.stream("good", 2)
    bench.worker.start()
    bench.until(lambda seen: len(seen) == 3)
    assert bench.stop()
    assert bench.emitted == [("good", 0), ("bad", 1), ("good", 1)]
    assert failed == [("bad", error)]
    (record,) = caplog.records
    assert (record.exc_info is None) == isinstance(error, EngineError)  # a traceback for bugs alone


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Every line, and the stream it is about."""
    return [(getattr(record, "stream", ""), record.getMessage()) for record in caplog.records]


def test_frames_that_keep_failing_do_not_flood_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, until the time comes for the next; it tells how many frames were passed over."""
    monkeypatch.setattr("streamseg.inference.worker._TELL_S", float("inf"))

    def process(of: Frame) -> Segmentation:
        if of.stream == "good":
            return segmentation(of)
        raise EngineError("NaN in logits")

    bench.process = process
    bench.stream("bad", 50)
    bench.stream("good", 50)
    bench.worker.start()
    bench.until(lambda seen: len(seen) == 50)
    assert bench.stop()
    assert said(caplog) == [("bad", "frame 0: NaN in logits")]


def test_a_crash_in_emit_is_reported_too() -> None:
    failed = threading.Event()

    def emit(_made: Segmentation) -> None:
        raise ValueError("a bug")

    worker = EngineWorker(segmentation, emit, WorkerEvents(failed=lambda _stream, _error: failed.set()))
    mailbox: Mailbox[Frame] = Mailbox(1, Overflow.DROP_OLDEST, worker.wake)
    mailbox.put(frame("gate"))
    worker.add("gate", mailbox)
    worker.start()
    assert failed.wait(SOON_S)
    assert worker.alive
    worker.stop()
    assert worker.join(Deadline(SOON_S))


def test_a_stream_removed_in_the_middle_of_a_frame() -> None:
    inside, gate = threading.Event(), threading.Event()
    bench = Bench()

    def process(of: Frame) -> Segmentation:
        if of.stream == "gone":
            inside.set()
            assert gate.wait(SOON_S)
        return segmentation(of)

    bench.process = process
    bench.stream("gone", 3)
    bench.stream("stays", 2)
    bench.worker.start()
    assert inside.wait(SOON_S)
    bench.worker.remove("gone")
    assert bench.worker.streams == ("stays",)
    gate.set()
    bench.until(lambda seen: len(seen) == 2)
    assert bench.stop()
    assert bench.emitted == [("stays", 0), ("stays", 1)]


def test_a_stream_replaced_in_the_middle_of_a_frame() -> None:
    inside, gate = threading.Event(), threading.Event()
    bench = Bench()

    def process(of: Frame) -> Segmentation:
        if of.seq == 0:
            inside.set()
            assert gate.wait(SOON_S)
        return segmentation(of)

    bench.process = process
    bench.stream("gate", 1)
    bench.worker.start()
    assert inside.wait(SOON_S)
    again: Mailbox[Frame] = Mailbox(1, Overflow.DROP_OLDEST, bench.worker.wake)
    again.put(frame("gate", 7))
    bench.worker.add("gate", again)
    gate.set()
    bench.until(lambda seen: seen == [("gate", 7)])
    assert bench.stop()


def test_removing_an_unknown_stream_is_fine(bench: Bench) -> None:
    bench.worker.remove("nobody")


def test_a_closed_mailbox_is_drained_and_then_told() -> None:
    drained: list[tuple[str, int]] = []
    told = threading.Event()

    def note(stream: str) -> None:
        drained.append((stream, len(here.emitted)))
        told.set()

    here = Bench(drained=note)
    mailbox = here.stream("clip", 3)
    here.stream("live", 0)
    mailbox.close(discard=False)
    here.worker.start()
    assert told.wait(SOON_S)
    assert drained == [("clip", 3)]
    assert here.worker.streams == ("live",)
    assert here.stop()


def test_closing_later_wakes_it() -> None:
    told = threading.Event()
    bench = Bench(drained=lambda _stream: told.set())
    mailbox = bench.stream("clip", 1)
    bench.worker.start()
    bench.until(lambda seen: len(seen) == 1)
    mailbox.close(discard=False)
    assert told.wait(SOON_S)
    assert bench.stop()


def test_it_stops_between_two_frames() -> None:
    inside, gate = threading.Event(), threading.Event()
    bench = Bench()

    def process(of: Frame) -> Segmentation:
        inside.set()
        assert gate.wait(SOON_S)
        return segmentation(of)

    bench.process = process
    bench.stream("gate", 50)
    bench.worker.start()
    assert inside.wait(SOON_S)
    bench.worker.stop()
    assert not bench.worker.join(Deadline(0.0))
    gate.set()
    assert bench.worker.join(Deadline(SOON_S))
    assert bench.worker.error is None
    assert len(bench.emitted) == 1


def test_errands_called_before_the_stop_are_done() -> None:
    inside, gate, done = threading.Event(), threading.Event(), threading.Event()
    bench = Bench()

    def process(of: Frame) -> Segmentation:
        inside.set()
        assert gate.wait(SOON_S)
        return segmentation(of)

    bench.process = process
    bench.stream("gate", 2)
    bench.worker.start()
    assert inside.wait(SOON_S)
    bench.worker.call(done.set)
    bench.worker.stop()
    gate.set()
    assert bench.worker.join(Deadline(SOON_S))
    assert done.is_set()


@pytest.mark.parametrize("started", [True, False])
def test_an_idle_worker_stops_at_once_and_twice(started: bool) -> None:
    bench = Bench()
    if started:
        bench.worker.start()
    assert bench.stop()
    assert bench.stop()


def test_errands_are_done_between_frames_and_before_what_is_put_after_them(bench: Bench) -> None:
    said: list[str] = []

    def process(of: Frame) -> Segmentation:
        said.append(f"frame {of.seq}")
        return segmentation(of)

    bench.process = process
    bench.worker.start()
    mailbox = bench.stream("gate")
    for seq in range(50):
        bench.worker.call(lambda seq=seq: said.append(f"errand {seq}"))  # type: ignore[misc]
        mailbox.put(frame("gate", seq))
        bench.until(lambda seen, seq=seq: ("gate", seq) in seen)  # type: ignore[misc]
    assert said == [f"{what} {seq}" for seq in range(50) for what in ("errand", "frame")]


def test_an_idle_worker_does_its_errands(bench: Bench) -> None:
    done: queue.Queue[str] = queue.Queue()
    bench.worker.call(lambda: done.put(threading.current_thread().name))
    bench.worker.start()
    assert done.get(timeout=SOON_S) == "engine"


class Together:
    """Computes batches, and notes which."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[str, int]]] = []

    def __call__(self, frames: Sequence[Frame]) -> list[Segmentation | None]:
        self.batches.append([(of.stream, of.seq) for of in frames])
        return [segmentation(of) for of in frames]


def batching(bench: Bench, size: int, wait_s: float = 0.0) -> None:
    bench.worker.call(lambda: bench.worker.batch(BatchingPolicy(size, wait_s)))


def test_frames_of_different_streams_go_together() -> None:
    together = Together()
    bench = Bench(together=together)
    batching(bench, 2)
    for name in "abc":
        bench.stream(name, 2)
    bench.worker.start()
    bench.until(lambda seen: len(seen) == 6)
    assert bench.stop()
    assert together.batches == [[("a", 0), ("b", 0)], [("c", 0), ("a", 1)], [("b", 1), ("c", 1)]]
    assert bench.emitted == [entry for batch in together.batches for entry in batch]


def test_a_silent_stream_is_waited_for_no_longer_than_the_bound() -> None:
    together = Together()
    bench = Bench(together=together)
    batching(bench, 4, wait_s=0.05)
    bench.stream("silent")
    for name in "ab":
        bench.stream(name, 3)
    bench.worker.start()
    bench.until(lambda seen: len(seen) == 6)
    assert bench.stop()
    assert together.batches == [[("a", seq), ("b", seq)] for seq in range(3)]


def test_one_that_comes_while_another_waits_goes_with_it() -> None:
    together = Together()
    bench = Bench(together=together)
    batching(bench, 2, wait_s=3600)
    bench.stream("a", 1)
    late = bench.stream("b")
    bench.worker.start()
    late.put(frame("b"))
    bench.until(lambda seen: len(seen) == 2)
    assert bench.stop()
    assert together.batches == [[("a", 0), ("b", 0)]]


def test_stopping_does_not_wait_for_a_batch() -> None:
    bench = Bench(together=Together())
    batching(bench, 2, wait_s=3600)
    bench.stream("a", 1)
    bench.stream("b")
    bench.worker.start()
    assert bench.stop()
    assert bench.emitted == []


def test_a_lone_stream_never_makes_a_batch() -> None:
    together = Together()
    bench = Bench(together=together)
    batching(bench, 4, wait_s=3600)
    bench.stream("a", 3)
    bench.worker.start()
    bench.until(lambda seen: len(seen) == 3)
    assert bench.stop()
    assert together.batches == []


def test_a_bad_frame_in_a_batch_costs_its_own_stream_alone(caplog: pytest.LogCaptureFixture) -> None:
    failed: list[str] = []

    def process(of: Frame) -> Segmentation:
        if of.stream == "bad":
            raise EngineError("NaN in the logits")
        return segmentation(of)

    def together(frames: Sequence[Frame]) -> list[Segmentation | None]:
        return [process(of) for of in frames]

    bench = Bench(process, together, failed=lambda stream, _error: failed.append(stream))
    batching(bench, 3)
    for name in ("good", "bad", "fine"):
        bench.stream(name, 1)
    bench.worker.start()
    bench.until(lambda seen: len(seen) == 2)
    assert bench.stop()
    assert bench.emitted == [("good", 0), ("fine", 0)]
    assert failed == ["bad"]
    assert said(caplog) == [("bad", "frame 0: NaN in the logits")]


def test_batches_that_fail_without_a_bad_frame_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    def together(_: Sequence[Frame]) -> list[Segmentation | None]:
        raise EngineError("no room for two")

    bench = Bench(together=together)
    batching(bench, 2)
    for name in "ab":
        bench.stream(name, 3)
    bench.worker.start()
    bench.until(lambda seen: len(seen) == 6)
    assert bench.stop()
    (record,) = caplog.records
    assert record.getMessage() == "2 frames fail together and not alone (no room for two); set max_batch: 1"


def test_a_stream_removed_in_the_middle_of_a_batch() -> None:
    inside, gate = threading.Event(), threading.Event()

    def together(frames: Sequence[Frame]) -> list[Segmentation | None]:
        inside.set()
        assert gate.wait(SOON_S)
        return [segmentation(of) for of in frames]

    bench = Bench(together=together)
    batching(bench, 2)
    bench.stream("gone", 1)
    bench.stream("stays", 1)
    bench.worker.start()
    assert inside.wait(SOON_S)
    bench.worker.remove("gone")
    gate.set()
    bench.until(lambda seen: seen == [("stays", 0)])
    assert bench.stop()


def test_without_a_way_to_compute_together_there_are_no_batches(bench: Bench) -> None:
    batching(bench, 4, wait_s=3600)
    for name in "ab":
        bench.stream(name, 2)
    bench.worker.start()
    bench.until(lambda seen: len(seen) == 4)
