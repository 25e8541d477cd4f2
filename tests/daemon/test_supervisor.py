"""A running daemon, reloaded: what differs changes, and nobody else notices."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from streamseg.concurrency.deadline import Deadline
from streamseg.config.schema import Config
from streamseg.daemon import app, packages
from streamseg.daemon.engine.state import EngineState
from streamseg.daemon.event_loop import EventLoop
from streamseg.daemon.process import memory
from streamseg.errors import EXIT_UNEXPECTED, ConfigError, EngineError, StreamsegError
from streamseg.inference import build_process
from streamseg.inference.packages.package import Package
from streamseg.types import Segmentation, StateChange, StreamState
from tests.daemon.bench import Engines
from tests.fakes import slow
from tests.fakes.engine import FakeEngine, fake_package
from tests.fakes.packages import make_package
from tests.waiting import time_limit, wait_for

MANY = 20
SIZES = {"small": (64, 48), "large": (128, 96)}


def source(size: str = "64x48") -> dict[str, Any]:
    """Unpaced: a frame waits until it is taken, so whatever is lost was lost by the daemon."""
    return {"url": f"lavfi:testsrc2=size={size}:rate=50", "pace": False}


def config(streams: dict[str, Any], **more: Any) -> Config:
    document = {
        "engines": {"main": {"model": "small"}},
        "publish": {"bind": "tcp://127.0.0.1:0"},
        "daemon": {"stop_timeout_s": 60},
        "streams": {name: {"engine": "main", **one} for name, one in streams.items()},
    }
    return Config.model_validate({**document, **more})


class Running:
    """A daemon on a thread of its own, everything it makes, and what a reload will read."""

    def __init__(self, asked: Config) -> None:
        self.made: list[Segmentation] = []
        self.next: Config | StreamsegError = asked
        self.told: list[StateChange] = []
        self.desk = EventLoop()
        self.daemon = app.Daemon(asked, self.desk, self._read)
        self.daemon.events.mask_made.connect(self.made.append)
        self.daemon.events.stream_state.connect(self.told.append)
        self.daemon.start()
        self.thread = threading.Thread(target=self.daemon.watch)
        self.thread.start()

    def _read(self) -> Config:
        if isinstance(self.next, StreamsegError):
            raise self.next
        return self.next

    def reload(self, wanted: Config | StreamsegError) -> None:
        """Returns once the reload is through."""
        self.next, through = wanted, threading.Event()
        self.desk.hand_in(self.daemon.reload)
        self.desk.hand_in(through.set)
        assert through.wait(time_limit(60))

    def of(self, stream: str) -> list[Segmentation]:
        return [made for made in tuple(self.made) if made.frame.stream == stream]

    def more(self, streams: Any, count: int = 3) -> None:
        """Waits for so many masks more of each."""
        wanted = {name: len(self.of(name)) + count for name in streams}
        wait_for(lambda: all(len(self.of(name)) >= least for name, least in wanted.items()), 60)

    def state(self, stream: str) -> StreamState:
        return self.daemon._board.snapshot(stream).change.state

    def end(self) -> None:
        self.desk.end()
        self.thread.join(time_limit(60))
        assert self.daemon.stop()


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Engines:
    def open_package(name: str, _search: object = None) -> Package:
        return fake_package(SIZES[name], classes=4 if name == "large" else 5)

    monkeypatch.setattr(packages, "open_package", open_package)
    return Engines(monkeypatch)


@pytest.fixture
def run(engines: Engines) -> Iterator[Any]:
    started: list[Running] = []

    def start(streams: dict[str, Any], **more: Any) -> Running:
        started.append(Running(config(streams, **more)))
        started[-1].more(streams)
        return started[-1]

    yield start
    engines.gate.set()
    for running in started:
        running.end()


def contiguous(made: list[Segmentation]) -> bool:
    return all(b.frame.seq == a.frame.seq + 1 for a, b in pairwise(made))


def resets(made: list[Segmentation]) -> list[int]:
    return [one.frame.seq for one in made if one.reset]


def test_twenty_streams_one_changed(run: Any) -> None:
    streams = {f"cam{number}": {"source": source()} for number in range(MANY)}
    running = run(streams)
    parts = {name: running.daemon._assembly.streams.get(name).capture for name in streams}
    running.reload(config({**streams, "cam7": {"source": source("32x24")}}))
    running.more(streams)
    for name in streams:
        made = running.of(name)
        if name == "cam7":
            first = next(one for one in made if one.frame.picture.size_wh == (32, 24))
            assert resets(made) == [0, first.frame.seq]
            assert [one.frame.seq for one in made] == sorted({one.frame.seq for one in made})
        else:
            assert contiguous(made), name
            assert resets(made) == [0], name
            assert running.daemon._assembly.streams.get(name).capture is parts[name]


def test_streams_come_and_go(run: Any) -> None:
    running = run({"gate": {"source": source()}, "yard": {"source": source()}})
    running.reload(config({"gate": {"source": source()}, "hall": {"source": source()}}))
    running.more(["gate", "hall"])
    wait_for(lambda: set(running.daemon._board.snapshots()) == {"gate", "hall"})
    gone = len(running.of("yard"))
    running.more(["gate"])
    assert len(running.of("yard")) == gone
    assert contiguous(running.of("gate"))
    assert resets(running.of("gate")) == [0]


def test_live_keys_hold_from_the_next_frame_on_and_the_memory_stays(run: Any) -> None:
    streams = {"gate": {"source": source(), "temporal": "ema", "ema": 0.5}}
    running = run(streams)
    live = {"source": source(), "temporal": "ema", "ema": 0.9, "encoding": "raw", "required": False}
    running.reload(config({"gate": live}))
    running.more(streams)
    assert contiguous(running.of("gate"))
    assert resets(running.of("gate")) == [0]
    assert running.daemon._assembly.streams.get("gate").config.encoding == "raw"
    assert not running.daemon._board.snapshot("gate").required


def test_a_live_key_of_an_engine_builds_none(run: Any, engines: Engines) -> None:
    streams = {"gate": {"source": source()}}
    running = run(streams)
    running.reload(config(streams, engines={"main": {"model": "small", "fallback": False}}))
    running.more(streams)
    assert not running.daemon._assembly._keepers["main"].config.fallback
    assert len(engines.made) == 1
    assert resets(running.of("gate")) == [0]


def test_a_mistake_changes_nothing_and_is_told(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    streams = {"gate": {"source": source()}}
    running = run(streams)
    running.reload(ConfigError(["c.yaml:3: streams.gate.sorce: is not a known key", "c.yaml:9: more"]))
    running.more(streams)
    assert contiguous(running.of("gate"))
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert all(record.__dict__["every"] for record in errors[:2]), "there may be many mistakes"
    assert [record.getMessage() for record in errors] == [
        "reload: c.yaml:3: streams.gate.sorce: is not a known key",
        "reload: c.yaml:9: more",
        "reload: refused; everything goes on as before",
    ]
    assert "the last reload was refused" in running.daemon._overview(running.daemon._board.snapshots())
    running.reload(config(streams))
    assert "refused" not in running.daemon._overview(running.daemon._board.snapshots())


def test_what_only_a_start_changes_is_said(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    streams = {"gate": {"source": source()}}
    running = run(streams)
    running.reload(config(streams, publish={"bind": "tcp://127.0.0.1:0", "hwm": 9}))
    assert "not changed before the daemon is started again: publish.hwm" in caplog.text
    running.more(streams)
    assert contiguous(running.of("gate"))


def test_an_engine_is_swapped_under_load(run: Any, engines: Engines) -> None:
    streams = {name: {"source": source()} for name in ("gate", "yard", "hall")}
    running = run(streams)
    engines.gate.clear()
    running.reload(config(streams, engines={"main": {"model": "large"}}))
    running.more(streams, 20)  # the new one is still being built
    assert {one.labels.shape for one in running.made} == {(48, 64)}
    engines.gate.set()
    wait_for(lambda: running.made[-1].labels.shape == (96, 128), 60)
    running.more(streams)
    for name in streams:
        made = running.of(name)
        first = next(one for one in made if one.labels.shape == (96, 128))
        assert contiguous(made)
        assert resets(made) == [0, first.frame.seq]
        info = running.daemon._publisher._notices.model(name)
        assert (info.mask_wh, len(info.classes)) == ((128, 96), 4)


def test_a_new_engine_that_fails_leaves_the_old_one_and_is_tried_again(
    run: Any, engines: Engines, caplog: pytest.LogCaptureFixture
) -> None:
    streams = {"gate": {"source": source()}}
    running = run(streams)
    engines.script = [EngineError("no such device")]
    wanted = config(streams, engines={"main": {"model": "large"}})
    running.reload(wanted)
    wait_for(lambda: "the old one serves on" in caplog.text)
    running.more(streams)
    assert contiguous(running.of("gate"))
    assert resets(running.of("gate")) == [0]
    overview = running.daemon._overview(running.daemon._board.snapshots())
    assert "engine main: no new one: no such device" in overview
    running.reload(wanted)
    wait_for(lambda: running.made[-1].labels.shape == (96, 128), 60)
    assert "no new one" not in running.daemon._overview(running.daemon._board.snapshots())


def test_while_plans_are_built_the_cpu_serves_and_the_overview_says_so(
    engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow.register(monkeypatch)
    monkeypatch.setattr(build_process, "COMMAND", slow.COMMAND)
    monkeypatch.setenv("SLOW_GATE", str(tmp_path / "gate"))
    package, cache = make_package(tmp_path), str(tmp_path / "cache")
    monkeypatch.setattr(packages, "open_package", lambda _name, _search=None: package)
    asked = config({"gate": {"source": source(), "temporal": "ema"}}, engines={"main": {"cache_dir": cache}})
    wanted = asked.engines["main"].model_copy(update={"backend": "slow"})
    running = Running(asked.model_copy(update={"engines": {"main": wanted}}))

    def overview() -> str:
        return running.daemon._overview(running.daemon._board.snapshots())

    def backend() -> str:
        model = running.daemon._publisher._notices.model("gate")
        return "" if model is None else model.backend

    try:
        running.more(["gate"])
        told = "engine main: on openvino until segmenter, stabiliser, readout is built for the backend slow"
        assert told in overview()
        (tmp_path / "gate").touch()
        wait_for(lambda: backend() == "slow", 60)
        running.more(["gate"])
        assert "engine main" not in overview()
        assert contiguous(running.of("gate"))
    finally:
        running.end()


def test_engines_come_and_go(run: Any, engines: Engines) -> None:
    running = run({"gate": {"source": source()}, "yard": {"source": source()}})
    two = {"main": {"model": "small"}, "second": {"model": "large"}}
    running.reload(
        config({"gate": {"source": source()}, "yard": {"source": source(), "engine": "second"}}, engines=two)
    )
    wait_for(lambda: running.of("yard")[-1].labels.shape == (96, 128), 60)
    running.more(["gate"])
    assert contiguous(running.of("gate"))
    assert resets(running.of("gate")) == [0]
    second = running.daemon._assembly._keepers["second"]
    assert second.alive
    running.reload(config({"gate": {"source": source()}, "yard": {"source": source()}}))
    wait_for(lambda: running.of("yard")[-1].labels.shape == (48, 64), 60)
    wait_for(lambda: not second.alive)
    assert running.thread.is_alive()
    wait_for(lambda: sorted(engine._closed for engine in engines.made) == [False, True])
    assert running.daemon._assembly._leaving == []


def test_an_engine_taken_out_with_its_stream_leaves_nothing_behind(run: Any, engines: Engines) -> None:
    two = {"main": {"model": "small"}, "second": {"model": "large"}}
    streams = {"gate": {"source": source()}, "yard": {"source": source(), "engine": "second"}}
    running = run(streams, engines=two)
    running.reload(config({"gate": {"source": source()}}))
    wait_for(lambda: set(running.daemon._board.snapshots()) == {"gate"})
    wait_for(lambda: sorted(engine._closed for engine in engines.made) == [False, True])


def test_an_engine_taken_out_while_it_is_made_is_freed_and_no_other_is_made(
    run: Any, engines: Engines, caplog: pytest.LogCaptureFixture
) -> None:
    streams = {"gate": {"source": source()}}
    running = run(streams)
    engines.gate.clear()
    running.reload(config(streams, engines={"main": {"model": "small"}, "second": {"model": "large"}}))
    wait_for(lambda: len(engines.asked) == 2)
    running.reload(config(streams))
    engines.gate.set()
    wait_for(lambda: [engine._closed for engine in engines.made] == [False, True])
    wait_for(lambda: running.daemon._assembly._leaving == [])
    assert "engine second:" not in caplog.text
    assert len(engines.asked) == 2


def test_what_had_failed_gets_another_chance(run: Any, engines: Engines) -> None:
    running = run({"gate": {"source": source()}})
    both = {"gate": {"source": source()}, "yard": {"source": {"url": "/nowhere.mp4"}}}
    running.reload(config(both))
    wait_for(lambda: running.state("yard") is StreamState.FAILED)
    runs = {stream.name: stream.life.run for stream in running.daemon._assembly.streams}
    running.reload(config(both))
    assert running.daemon._assembly.streams.get("yard").life.run != runs["yard"]
    assert running.daemon._assembly.streams.get("gate").life.run == runs["gate"]


def test_an_engine_that_had_failed_too(run: Any, engines: Engines) -> None:
    streams = {"gate": {"source": source()}}
    running = run(streams)
    two = {"main": {"model": "small"}, "second": {"model": "large"}}
    both = config({**streams, "yard": {"source": source(), "engine": "second"}}, engines=two)
    engines.script = [EngineError("no such device")]
    running.reload(both)
    keeper = running.daemon._assembly._keepers["second"]
    wait_for(lambda: keeper.state is EngineState.FAILED)
    wait_for(lambda: running.state("yard") is StreamState.FAILED)
    assert running.thread.is_alive()  # another engine serves
    running.reload(both)
    running.more(["yard", "gate"])
    assert contiguous(running.of("gate"))


def test_without_a_file_there_is_nothing_to_reload(
    caplog: pytest.LogCaptureFixture, engines: Engines
) -> None:
    daemon = app.Daemon(config({"gate": {"source": source()}}), EventLoop())
    daemon.reload()
    assert "no configuration file to read again" in caplog.text
    assert daemon.stop()


def test_the_newest_stream_is_let_go_before_memory_runs_out(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    used_mb = 100.0
    monkeypatch.setattr(memory, "rss_mb", lambda: used_mb)
    running = run(
        {name: {"source": source()} for name in ("gate", "yard", "hall")}, daemon={"max_rss_mb": 128}
    )
    used_mb = 130.0
    wait_for(lambda: running.state("hall") is StreamState.FAILED)
    change = running.daemon._board.snapshot("hall").change
    assert change.reason == "memory"
    assert "130 MB of 128 MB" in change.message
    running.more(["gate", "yard"])
    assert running.daemon._assembly.streams.get("hall").join(Deadline(time_limit(60)))
    assert contiguous(running.of("gate"))
    assert resets(running.of("gate")) == [0]
    assert isinstance(running.daemon._assembly._keepers["main"]._engine, FakeEngine)


WHITE = {"url": "lavfi:color=white:size=96x64:rate=50", "pace": False}  # the fake's logits of it are NaN


def states(running: Running, stream: str) -> list[str]:
    """What subscribers were told of a stream, with the reasons."""
    return [f"{c.state} {c.reason}".strip() for c in running.told if c.stream == stream]


def test_an_engine_that_gives_nan_is_mended_step_by_step_and_each_is_told(
    run: Any, engines: Engines, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing can process glare, which has an engine of its own; the other engine does not notice."""
    two = {"main": {"model": "small"}, "second": {"model": "small"}}
    running = run({"gate": {"source": source()}}, engines=two)
    running.reload(
        config({"gate": {"source": source()}, "glare": {"source": WHITE, "engine": "second"}}, engines=two)
    )
    keeper = running.daemon._assembly._keepers["second"]
    wait_for(lambda: keeper.state is EngineState.FAILED, 60)
    assert engines.asked == ["auto", "auto", "auto", "onnxruntime"]
    steps = ["connecting", "running", *["stalled engine", "running"] * 2, "failed engine"]
    assert states(running, "glare") == steps
    assert "failed on every backend" in running.daemon._overview(running.daemon._board.snapshots())
    for step in ("making it again", "trying another backend than openvino", "failed on every backend"):
        assert step in caplog.text
    running.more(["gate"])
    assert contiguous(running.of("gate"))
    assert resets(running.of("gate")) == [0]
    assert states(running, "gate") == ["connecting", "running"]


def test_without_any_engine_left_the_daemon_ends(run: Any, engines: Engines) -> None:
    running = run({"gate": {"source": source()}})
    running.reload(config({"gate": {"source": WHITE}}))
    running.thread.join(time_limit(60))
    assert not running.thread.is_alive()
    assert running.daemon.exit_code == EXIT_UNEXPECTED
    assert "engine main failed on every backend" in str(running.daemon.error)
    assert states(running, "gate")[-1] == "failed engine"
