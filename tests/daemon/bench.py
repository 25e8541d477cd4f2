"""Engines by script and streams without a source: what a keeper and the streams are tested with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from streamseg.concurrency.deadline import Deadline
from streamseg.config.schema import DaemonConfig, EngineConfig, StreamConfig
from streamseg.daemon.engine import loader
from streamseg.daemon.engine.state import EngineState
from streamseg.daemon.engine.supervisor import EngineSupervisor
from streamseg.daemon.event_loop import EventLoop
from streamseg.daemon.events import Events
from streamseg.daemon.stream.stream import Stream
from streamseg.errors import StreamsegError
from streamseg.inference.backend import BackendReport
from streamseg.inference.engine import EngineInfo
from streamseg.inference.packages.package import Package
from streamseg.types import ModelInfo, Segmentation, StateChange, StreamState
from tests.fakes.engine import FakeEngine, fake_package
from tests.fakes.source import make_frame, make_picture
from tests.waiting import time_limit, wait_for

BACKENDS = ("openvino", "onnxruntime")
WHITE = make_picture(y=255)  # the fake's logits of it are NaN


class Engines:
    """Stands for `load_engine`: hands out what `script` holds, one a call; fakes without end after that.

    Attributes:
        script: Engines, and errors to raise.
        asked: The backend of each call.
        made: Every engine handed out.
        gate: Every call waits for it.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.script: list[FakeEngine | StreamsegError] = []
        self.asked: list[str] = []
        self.made: list[FakeEngine] = []
        self.gate = threading.Event()
        self.gate.set()
        monkeypatch.setattr(loader, "load_engine", self._load)
        reports = [BackendReport(name, True, "1", "", ("f32",)) for name in BACKENDS]
        monkeypatch.setattr(loader, "usable_backends", lambda: reports)

    def _load(self, package: Package, backend: str, *_: Any) -> FakeEngine:
        self.asked.append(backend)
        self.gate.wait(time_limit(60))
        engine = self.script.pop(0) if self.script else FakeEngine(package)
        if isinstance(engine, StreamsegError):
            raise engine
        taken = BACKENDS[0] if backend == "auto" else backend
        engine.info = EngineInfo(taken, "f32", "NumPy", "1", "asked for by a test")
        self.made.append(engine)
        return engine


def runs(stream: Stream) -> None:
    """Says of a stream what its capture would once it gives frames."""
    stream.life.heard(stream.life.run, StateChange(stream.name, StreamState.RUNNING, 0.0))


class Bench:
    """A desk, a keeper on it, and what it told."""

    def __init__(self, engines: Engines, package: Package | None = None, **config: Any) -> None:
        self.engines, self.desk = engines, EventLoop()
        self.made: list[Segmentation] = []
        self.told: list[tuple[object, ...]] = []
        self.changes: list[StateChange] = []
        self.events = self._events()
        self.keeper = EngineSupervisor(
            "main", EngineConfig(**config), package or fake_package(), self.desk, DaemonConfig, self.events
        )

    def _events(self) -> Events:
        def tell(word: str) -> Callable[..., None]:
            return lambda *what: self.told.append((word, *what))

        events = Events(self.desk.errors)
        events.mask_made.connect(self.made.append)
        events.model_served.connect(self._served)
        events.stream_state.connect(self.changes.append)
        events.stream_drained.connect(tell("drained"))
        events.stream_given_up.connect(tell("given up"))
        events.engine_replaced.connect(tell("replaced"))
        return events

    def _served(self, engine: str, stream: str, model: ModelInfo) -> None:
        self.told.append(("served", engine, stream, model.backend))

    def stream(self, name: str, **config: Any) -> Stream:
        """A stream whose frames the test puts itself."""
        wanted = StreamConfig.model_validate({"source": "x.mp4", **config})
        stream = Stream(name, wanted, self.keeper.wake, self.events)
        self.keeper.add(stream)
        return stream

    def serve(self) -> None:
        """Starts the keeper; returns once its engine serves."""
        self.keeper.start()
        self.until(lambda: self.keeper.state is EngineState.SERVING)

    def until(self, condition: Callable[[], bool]) -> None:
        """Sees to the desk until the condition holds."""

        def look() -> bool:
            self.desk.work(0.0)
            return condition()

        wait_for(look)

    def play(self, stream: Stream, frames: int = 1, *, white: bool = False, first: int = 0) -> None:
        """Puts frames, each once the one before was taken."""
        for seq in range(first, first + frames):
            self.until(lambda: len(stream.mailbox) == 0)
            stream.mailbox.put(make_frame(stream.name, seq, WHITE if white else make_picture(y=seq % 200)))

    def words(self, word: str) -> list[tuple[object, ...]]:
        """Everything told under that word."""
        return [what[1:] for what in self.told if what[0] == word]

    def states(self, stream: str) -> list[str]:
        """The states of a stream, with their reasons."""
        return [f"{c.state} {c.reason}".strip() for c in self.changes if c.stream == stream]

    def end(self) -> None:
        """Stops everything."""
        self.engines.gate.set()
        self.keeper.stop()
        assert self.keeper.join(Deadline(time_limit(60)))
        self.keeper.close()
