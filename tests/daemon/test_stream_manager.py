"""StreamManager come, crash, begin anew and go; the others do not notice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from streamseg.concurrency.deadline import Deadline
from streamseg.config.schema import DaemonConfig, StreamConfig
from streamseg.daemon.engine import recovery
from streamseg.daemon.engine.state import EngineState
from streamseg.daemon.stream.stream import Stream
from streamseg.daemon.stream_manager import StreamManager
from streamseg.errors import EngineError, StreamFault
from streamseg.types import StreamState
from tests.capture.servers import closed_port
from tests.daemon.bench import Bench, Engines
from tests.waiting import time_limit

LIVE = "lavfi:testsrc2=size=64x48:rate=50"


class Room:
    """StreamManager on a bench's keeper."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.forgotten = bench, list[str]()
        self.limits = DaemonConfig()
        bench.events.stream_removed.connect(self.forgotten.append)
        self.streams = StreamManager(bench.desk, {"main": bench.keeper}, lambda: self.limits, bench.events)

    def add(self, name: str, source: Any = LIVE, **more: Any) -> Stream:
        self.streams.add(name, self.config(source, **more))
        return self[name]

    def __getitem__(self, name: str) -> Stream:
        stream = self.streams.get(name)
        assert stream is not None
        return stream

    def config(self, source: Any = LIVE, **more: Any) -> StreamConfig:
        return StreamConfig.model_validate({"source": source, "engine": "main", **more})

    def seqs(self, name: str) -> list[int]:
        return [made.frame.seq for made in self.bench.made if made.frame.stream == name]

    def until(self, name: str, state: StreamState) -> None:
        self.bench.until(lambda: self[name].life.state.state is state)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    monkeypatch.setattr(recovery, "FIRST_WAIT_S", 0.01)
    bench = Bench(Engines(monkeypatch))
    room = Room(bench)
    yield room
    room.streams.stop()
    bench.end()
    assert room.streams.join(Deadline(time_limit(60)))


def crash(stream: Stream) -> None:
    """What a capture says that dies of an error of ours."""
    stream._events.capture_crashed(stream.name, stream.life.run, "a bug")


def test_a_file_waits_for_its_engine_and_a_camera_does_not(room: Room) -> None:
    with closed_port() as port:
        gone = {"url": f"http://127.0.0.1:{port}/live", "reconnect_initial_s": 60}
        gate, yard = room.add("gate"), room.add("yard", gone)
        room.until("yard", StreamState.BACKOFF)
        assert gate.capture.captured == 0
        room.bench.keeper.start()
        room.bench.until(lambda: room.bench.keeper.state is EngineState.SERVING)
        room.streams.engine_changed()
        room.streams.engine_changed()
        room.bench.until(lambda: len(room.seqs("gate")) > 3)
        assert yard.life.state.state is StreamState.BACKOFF


def serve(room: Room) -> None:
    room.bench.keeper.start()
    room.bench.until(lambda: room.bench.keeper.state is EngineState.SERVING)


def test_a_crash_restarts_the_stream_and_its_frames_are_counted_on(room: Room) -> None:
    serve(room)
    gate, _ = room.add("gate"), room.add("yard")
    room.bench.until(lambda: len(room.seqs("gate")) > 3)
    first = gate.life.run
    crash(gate)
    room.bench.until(lambda: gate.life.run != first)
    seen = len(room.seqs("gate"))
    room.bench.until(lambda: len(room.seqs("gate")) > seen + 3)
    assert room.seqs("gate") == sorted(set(room.seqs("gate")))
    states = room.bench.states("gate")
    assert states[:5] == ["connecting", "running", "backoff crash", "connecting", "running"]
    assert room.bench.states("yard") == ["connecting", "running"]
    resets = [made.reset for made in room.bench.made if made.frame.stream == "yard"]
    assert resets.count(True) == 1
    assert gate.tally(0).reconnects == 1


def test_too_many_crashes_are_the_end_until_somebody_begins_it_anew(room: Room) -> None:
    serve(room)
    room.limits = DaemonConfig(restart_limit=2)
    gate = room.add("gate")
    for run in range(3):
        room.bench.until(lambda run=run: gate.life.run == run)  # type: ignore[misc]
        crash(gate)
    room.until("gate", StreamState.FAILED)
    assert gate.life.state.reason == "crash"
    assert gate.life.state.message == "a bug; given up after 2 restarts"
    assert gate.mailbox.closed
    crash(gate)
    room.bench.desk.work(0.0)
    assert gate.life.run == 2
    room.streams.renew("gate")
    room.until("gate", StreamState.RUNNING)


def test_what_an_earlier_capture_says_is_not_heard(room: Room) -> None:
    serve(room)
    gate = room.add("gate")
    room.streams._crashed("gate", 7, "another run")
    room.streams._crashed("nobody", 0, "another stream")
    assert not gate.life.judged
    room.streams._try_again("gate", 7)
    room.streams._try_again("nobody", 0)
    assert gate.life.run == 0


def test_a_real_crash_of_a_capture_is_one(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(room)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("streamseg.capture.capture.Capture._keep_connected", broken)
    room.limits = DaemonConfig(restart_limit=1)
    room.add("gate")
    room.until("gate", StreamState.FAILED)
    assert room.bench.states("gate") == ["connecting", "backoff crash", "connecting", "failed crash"]
    assert "ZeroDivisionError" in room["gate"].life.state.message


def test_who_is_given_up_is_silent_and_the_others_go_on(room: Room) -> None:
    serve(room)
    gate, _ = room.add("gate"), room.add("yard")
    room.bench.until(lambda: len(room.seqs("gate")) > 1)
    room.streams.give_up("gate", StreamFault.MEMORY, "no room")
    room.streams.give_up("nobody", StreamFault.MEMORY, "no room")
    seen = len(room.seqs("yard"))
    room.bench.until(lambda: len(room.seqs("yard")) > seen + 3)
    assert gate.join(Deadline(time_limit(60)))
    assert room.bench.states("gate")[-1] == "failed memory"


def test_who_is_removed_is_forgotten_once_nothing_of_it_can_come(room: Room) -> None:
    serve(room)
    room.add("gate")
    room.bench.until(lambda: len(room.seqs("gate")) > 1)
    room.streams.remove("gate")
    room.bench.until(lambda: room.forgotten == ["gate"])
    assert room.streams.get("gate") is None
    assert room.bench.states("gate")[-1] == "ended removed"
    room.bench.until(lambda: not room.streams.held)


def test_who_comes_back_at_once_is_not_forgotten(room: Room) -> None:
    serve(room)
    room.add("gate")
    room.streams.remove("gate")
    room.add("gate")
    room.bench.until(lambda: len(room.seqs("gate")) > 1)
    assert room.forgotten == []


def test_another_source_is_a_new_beginning_and_the_rest_is_not(room: Room) -> None:
    serve(room)
    gate = room.add("gate", temporal="ema")
    room.bench.until(lambda: len(room.seqs("gate")) > 1)
    room.streams.update("gate", room.config(temporal="none", encoding="raw"))
    room.bench.until(lambda: room.bench.made[-1].mode == "none")
    assert gate.config.encoding == "raw"
    assert gate.life.run == 0
    room.streams.renew("gate", room.config("lavfi:testsrc2=size=32x24:rate=50"))
    room.bench.until(lambda: room.bench.made[-1].frame.picture.size_wh == (32, 24))
    assert gate.life.run == 1
    assert room.seqs("gate") == sorted(set(room.seqs("gate")))


def test_without_an_engine_a_stream_has_failed_from_the_start(room: Room) -> None:
    room.bench.engines.script = [EngineError("no backend")]
    room.bench.keeper.start()
    room.bench.until(lambda: room.bench.keeper.state is EngineState.FAILED)
    gate = room.add("gate")
    assert (gate.life.state.reason, gate.life.state.message) == ("engine", "no backend")
