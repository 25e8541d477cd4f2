"""One engine is loaded at a time, and the last one asked for is the one that comes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamseg.config.schema import EngineConfig
from streamseg.daemon.engine.load_queue import LoadQueue
from streamseg.daemon.event_loop import EventLoop
from streamseg.daemon.events import Events
from streamseg.errors import EngineError
from tests.daemon.bench import Engines
from tests.fakes.engine import FakeEngine, fake_package
from tests.waiting import wait_for


class Bench:
    """A queue on a desk, and what came of what it was asked for."""

    def __init__(self, engines: Engines) -> None:
        self.engines, self.desk = engines, EventLoop()
        self.came: list[tuple[int, object]] = []  # the threads that were asked for, and the engine or error
        self.queue = LoadQueue(
            "main",
            Events(self.desk.errors),
            self.desk.hand_in,
            lambda loading, engine: self.came.append((loading.wanted.threads, engine)),
            lambda loading, error: self.came.append((loading.wanted.threads, error)),
        )

    def until(self, condition: Callable[[], bool]) -> None:
        def look() -> bool:
            self.desk.work(0.0)
            return condition()

        wait_for(look)

    def replace(self, threads: int) -> None:
        self.queue.replace(EngineConfig(threads=threads), fake_package(), stopgap=False)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(Engines(monkeypatch))


def test_what_is_asked_for_comes(bench: Bench) -> None:
    bench.queue.load(EngineConfig(threads=1), fake_package())
    assert bench.queue.busy
    bench.until(lambda: bench.came == [(1, *bench.engines.made)])
    assert not bench.queue.busy


def test_what_fails_is_told(bench: Bench) -> None:
    error = EngineError("no such device")
    bench.engines.script = [error]
    bench.replace(1)
    bench.until(lambda: bench.came == [(1, error)])
    assert not bench.queue.busy


@pytest.mark.parametrize("first", [FakeEngine(), EngineError("no such device")])
def test_the_last_one_counts_whatever_came_of_those_before(
    bench: Bench, first: FakeEngine | EngineError
) -> None:
    bench.engines.gate.clear()
    bench.engines.script = [first]
    for threads in (1, 2, 3):
        bench.replace(threads)
    bench.engines.gate.set()
    bench.until(lambda: bench.came == [(3, *bench.engines.made[-1:])])
    assert not isinstance(first, FakeEngine) or first._closed
    assert len(bench.engines.asked) == 2


def test_what_is_tuned_meanwhile_holds_for_what_comes(bench: Bench) -> None:
    bench.engines.gate.clear()
    bench.replace(1)
    bench.replace(2)
    bench.queue.tune(EngineConfig(threads=2, fallback=False))
    assert bench.queue._loading is not None
    assert not bench.queue._loading.wanted.fallback
    bench.engines.gate.set()
    bench.until(lambda: [threads for threads, _ in bench.came] == [2])


def test_after_the_stop_nothing_comes_and_what_was_loaded_is_freed(bench: Bench) -> None:
    bench.engines.gate.clear()
    bench.replace(1)
    bench.replace(2)
    bench.queue.stop()
    bench.engines.gate.set()
    bench.until(lambda: not bench.queue.busy)
    assert [engine._closed for engine in bench.engines.made] == [True]
    assert bench.came == []
