"""StreamManager come, fail, crash and go while timers run: what was due to one is never done to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streamseg.concurrency.deadline import Deadline
from streamseg.config.schema import DaemonConfig, StreamConfig
from streamseg.daemon.engine.state import EngineState
from streamseg.daemon.engine.supervisor import EngineSupervisor
from streamseg.daemon.event_loop import EventLoop
from streamseg.daemon.events import Events
from streamseg.daemon.stream import stream as stream_room
from streamseg.daemon.stream.stream import Stream
from streamseg.daemon.stream_manager import StreamManager
from streamseg.errors import StreamFault
from streamseg.types import StateChange, StreamState
from tests.status.clock import Clock

NAMES = ("gate", "yard")
LIMITS = DaemonConfig(restart_limit=3, restart_window_s=300.0)


class FakeCapture:
    """Counts its starts and stops; a thread it has none."""

    made: ClassVar[list[FakeCapture]] = []

    def __init__(self, name: str, *_: Any, first_seq: int = 0, **__: Any) -> None:
        self.name, self.captured, self.reconnects, self.held = name, first_seq, 0, False
        self.on_state = cast("Callable[[StateChange], None]", _[2])
        self.starts = self.stops = 0
        FakeCapture.made.append(self)

    def start(self) -> None:
        self.starts += 1
        if self.starts > 1:
            raise RuntimeError("threads can only be started once")

    def stop(self) -> None:
        self.stops += 1

    def join(self, _: Deadline) -> bool:
        return True


class FakeKeeper:
    """Serves everybody, and is done with a stream once the desk gets to it."""

    state, why = EngineState.SERVING, ""

    def __init__(self, desk: EventLoop) -> None:
        self._desk = desk

    def wake(self) -> None: ...

    def add(self, stream: Stream) -> None: ...

    def update(self, stream: Stream) -> None: ...

    def remove(self, _: str, then: Callable[[], None] = lambda: None) -> None:
        self._desk.hand_in(then)


class Machine(RuleBasedStateMachine):
    """StreamManager under test, and what is known of each that was ever added."""

    def __init__(self) -> None:
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(stream_room, "Capture", FakeCapture)
        FakeCapture.made = []
        self.clock = Clock()
        self.desk = EventLoop(self.clock)
        keepers = {"main": cast("EngineSupervisor", FakeKeeper(self.desk))}
        self.streams = StreamManager(self.desk, keepers, lambda: LIMITS, Events(self.desk.errors))
        self.healthy: dict[str, FakeCapture] = {}  # running captures that nothing has happened to
        self.old: list[tuple[str, FakeCapture]] = []  # captures of streams that were taken out or begun anew

    def teardown(self) -> None:
        self._patch.undo()

    def _runs(self, name: str) -> None:
        """The newest capture of a stream works from now on."""
        stream = self.streams.get(name)
        assert stream is not None
        capture = cast("FakeCapture", stream.capture)
        capture.on_state(StateChange(name, StreamState.RUNNING, 0.0))
        self.healthy[name] = capture

    def _leaves(self, name: str) -> None:
        if capture := self.healthy.pop(name, None):
            self.old.append((name, capture))

    @rule(name=st.sampled_from(NAMES))
    def add(self, name: str) -> None:
        if self.streams.get(name) is None:
            self.streams.add(name, StreamConfig.model_validate({"source": "rtsp://h/x", "engine": "main"}))
            self._runs(name)

    @rule(name=st.sampled_from(NAMES))
    def remove(self, name: str) -> None:
        if self.streams.get(name) is not None:
            self._leaves(name)
            self.streams.remove(name)

    @rule(name=st.sampled_from(NAMES))
    def reload_with_another_source(self, name: str) -> None:
        if self.streams.get(name) is not None:
            self._leaves(name)
            self.streams.restart(name)
            self._runs(name)

    @rule(name=st.sampled_from(NAMES), fault=st.sampled_from([StreamFault.ENGINE, StreamFault.CRASH]))
    def fail(self, name: str, fault: StreamFault) -> None:
        if (stream := self.streams.get(name)) is not None:
            self._leaves(name)
            self.streams.broken(name, fault, "a failure", stream.life.run)

    @rule(name=st.sampled_from(NAMES))
    def crash(self, name: str) -> None:
        """Its capture dies; the main thread gets to it later, perhaps after a reload."""
        if capture := self.healthy.get(name):
            self._leaves(name)
            capture.on_state(StateChange(name, StreamState.FAILED, 0.0, StreamFault.CRASH.value, "a bug"))

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def late_word_of_an_old_capture(self, data: st.DataObject) -> None:
        name, capture = data.draw(st.sampled_from(self.old))
        capture.on_state(StateChange(name, StreamState.FAILED, 0.0, StreamFault.CRASH.value, "a bug"))

    @rule(name=st.sampled_from(NAMES))
    def late_failure_of_a_frame_of_an_old_run(self, name: str) -> None:
        if (stream := self.streams.get(name)) is not None and stream.life.run > 0:
            self.streams.broken(name, StreamFault.ENGINE, "an old frame", stream.life.run - 1)

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 2.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now_s += seconds
        self.desk.work(0.0)

    @invariant()
    def nothing_happens_to_who_is_healthy(self) -> None:
        for name, capture in self.healthy.items():
            stream = self.streams.get(name)
            assert stream is not None
            assert cast("FakeCapture", stream.capture) is capture
            assert (capture.starts, capture.stops) == (1, 0)
            assert stream.life.state.state is StreamState.RUNNING

    @invariant()
    def no_capture_is_left_running(self) -> None:
        current = {id(stream.capture) for stream in self.streams}
        for capture in FakeCapture.made:
            assert capture.stops or id(capture) in current, "it was replaced, and never stopped"

    @invariant()
    def nothing_went_wrong(self) -> None:
        assert sum(self.desk.errors.counts().values()) == 0


TestStreams = Machine.TestCase
TestStreams.settings = settings(max_examples=150, stateful_step_count=40)
