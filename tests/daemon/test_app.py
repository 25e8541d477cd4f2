"""The daemon as a whole, in this process, on tiny packages."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from streamseg.client.subscription import Subscription, subscribe
from streamseg.concurrency.deadline import Deadline
from streamseg.config.schema import Config, StatusConfig
from streamseg.daemon import app
from streamseg.daemon.engine import loader
from streamseg.daemon.event_loop import EventLoop
from streamseg.errors import (
    EXIT_CONFIG,
    EXIT_OK,
    EXIT_UNEXPECTED,
    EngineError,
    PackageError,
    PublishError,
    StreamsegError,
)
from streamseg.types import StreamState
from tests.capture.servers import closed_port
from tests.fakes.engine import FakeEngine
from tests.fakes.packages import Tiny, make_package
from tests.waiting import time_limit, wait_for

CLIP = "lavfi:testsrc2=size=96x64:rate=50"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return str(make_package(tmp_path / "tiny").path)


def config(package: str, *, restart_limit: int = 5, **streams: Any) -> Config:
    document = {
        "engine": {"model": package, "precision": "f32", "threads": 1},
        "publish": {"bind": "tcp://127.0.0.1:0"},
        "daemon": {"stop_timeout_s": 60, "restart_limit": restart_limit},
        "streams": streams,
    }
    return Config.model_validate(document)


class Running:
    """A daemon on a thread of its own, watched by a subscription."""

    def __init__(self, asked: Config, *, once: bool = False) -> None:
        self.desk = EventLoop()
        self.daemon = app.Daemon(asked, self.desk, once=once)
        self.daemon.start()
        self.thread = threading.Thread(target=self.daemon.watch)
        self.thread.start()
        self.masks: Subscription = subscribe(
            self.daemon._publisher.addresses[0], latest=False, timeout_s=time_limit(60)
        )

    def end(self) -> bool:
        self.desk.end()
        self.thread.join(time_limit(60))
        self.masks.close()
        return self.daemon.stop()

    def state(self, stream: str) -> StreamState:
        return self.daemon._board.snapshot(stream).change.state


@pytest.fixture
def run() -> Iterator[Any]:
    started: list[Running] = []

    def start(asked: Config, *, once: bool = False) -> Running:
        started.append(Running(asked, once=once))
        return started[-1]

    yield start
    for running in started:
        if running.thread.is_alive():
            running.end()
        running.masks.close()


def test_masks_come_in_order_and_the_end_is_clean(package: str, run: Any) -> None:
    running = run(config(package, gate={"source": CLIP}))
    found = [next(running.masks) for _ in range(5)]
    assert [mask.stream for mask in found] == ["gate"] * 5
    assert sorted(mask.seq for mask in found) == [mask.seq for mask in found]
    assert found[0].labels.shape == (48, 64)
    assert running.masks.info is not None
    assert running.end()
    assert running.daemon.exit_code == EXIT_OK
    assert running.daemon._parts() == {"publisher": False, "engine default": False}
    assert not running.daemon.held


def test_one_bad_stream_does_not_touch_the_other(package: str, run: Any) -> None:
    running = run(config(package, gate={"source": CLIP}, gone={"source": "/nowhere.mp4"}))
    wait_for(lambda: running.state("gone") is StreamState.FAILED)
    assert next(running.masks).stream == "gate"
    assert running.thread.is_alive()
    assert running.end()


def test_a_stream_whose_frames_all_fail_is_given_up(package: str, run: Any) -> None:
    white = "lavfi:color=white:size=96x64:rate=100"  # the tiny package gives NaN for it
    running = run(config(package, restart_limit=0, gate={"source": CLIP}, glare={"source": white}))
    while running.state("glare") is not StreamState.FAILED:
        next(running.masks)
    assert running.daemon._board.snapshot("glare").change.reason == "engine"
    first = next(running.masks)
    wait_for(lambda: running.daemon._board.snapshot("gate").masks > first.seq + 2, 60)
    assert running.end()


def once(run: Any, package: str, source: str) -> app.Daemon:
    running = run(config(package, gate={"source": source}), once=True)
    running.thread.join(time_limit(60))
    assert not running.thread.is_alive()
    assert running.daemon.stop()
    daemon: app.Daemon = running.daemon
    return daemon


def test_once_ends_with_its_source(package: str, run: Any) -> None:
    daemon = once(run, package, "lavfi:testsrc2=size=96x64:rate=50:duration=0.2")
    assert daemon.exit_code == EXIT_OK
    assert daemon.error is None


def test_once_tells_why_its_source_failed(package: str, run: Any, tmp_path: Path) -> None:
    notes = tmp_path / "notes.mp4"
    notes.write_text("no video", encoding="utf-8")
    daemon = once(run, package, str(notes))
    assert daemon.exit_code == EXIT_CONFIG
    assert f"gate: {notes}: " in str(daemon.error)


def test_without_once_the_daemon_outlives_its_streams(package: str, run: Any) -> None:
    running = run(config(package, gate={"source": "lavfi:testsrc2=size=96x64:rate=50:duration=0.1"}))
    wait_for(lambda: running.state("gate") is StreamState.ENDED, 60)
    wait_for(lambda: not running.daemon._assembly._running, 60)
    assert running.thread.is_alive()
    assert running.end()
    assert running.daemon.exit_code == EXIT_OK


def test_a_package_that_cannot_do_what_a_stream_wants_is_told_before_the_start(tmp_path: Path) -> None:
    package = make_package(tmp_path / "bare", Tiny(stabiliser=False))
    daemon = app.Daemon(config(str(package.path), gate={"source": CLIP}), EventLoop())
    with pytest.raises(PackageError, match="use ema or none"):
        daemon.start()
    assert daemon.stop()


def test_an_engine_that_cannot_be_made_ends_the_daemon(
    package: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise EngineError("no backend")

    monkeypatch.setattr(loader, "load_engine", fail)
    running = run(config(package, gate={"source": CLIP}))
    running.thread.join(time_limit(60))
    assert not running.thread.is_alive()
    assert running.state("gate") is StreamState.FAILED
    assert running.daemon.stop()
    assert str(running.daemon.error) == "no backend"
    assert running.daemon.exit_code == EXIT_UNEXPECTED


def test_stop_does_not_wait_for_the_compiler(package: str, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = threading.Event()

    def load(*_: Any) -> FakeEngine:
        compiled.wait(time_limit(60))
        return FakeEngine()

    monkeypatch.setattr(loader, "load_engine", load)
    running = run(config(package, gate={"source": CLIP}))
    assert running.daemon._assembly.compiling
    assert running.end()
    assert running.daemon._assembly.compiling
    assert running.daemon.held
    compiled.set()
    wait_for(lambda: not running.daemon.held)
    assert not running.daemon._assembly._keepers["default"].alive


def test_cameras_connect_while_the_engine_compiles(
    package: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = threading.Event()

    def load(*_: Any) -> FakeEngine:
        compiled.wait(time_limit(60))
        return FakeEngine()

    monkeypatch.setattr(loader, "load_engine", load)
    with closed_port() as port:
        refused = {"url": f"http://127.0.0.1:{port}/live", "reconnect_initial_s": 60}
        running = run(config(package, gate={"source": refused}, yard={"source": CLIP}))
        wait_for(lambda: running.state("gate") is StreamState.BACKOFF)
        assert running.daemon._assembly.streams.get("yard").capture.captured == 0
        compiled.set()
        assert next(running.masks).stream == "yard"
        assert running.end()


def shown(package: str, bind: str) -> Config:
    """A configuration with a page."""
    asked = config(package, gate={"source": CLIP}, gone={"source": "/nowhere.mp4"})
    return asked.model_copy(update={"status": StatusConfig(bind=bind)})


def test_health_and_metrics_tell_of_the_streams(package: str, run: Any) -> None:
    running = run(shown(package, "127.0.0.1:0"))
    site = f"http://{running.daemon._showing.address}"
    assert next(running.masks).stream == "gate"
    wait_for(lambda: running.state("gone") is StreamState.FAILED)
    unready = httpx2.get(f"{site}/readyz", timeout=time_limit(60))
    assert (unready.status_code, list(unready.json()["missing"])) == (503, ["gone"])
    assert httpx2.get(f"{site}/healthz", timeout=time_limit(60)).json()["parts"] == {
        "publisher": True,
        "engine default": True,
    }
    lines = httpx2.get(f"{site}/metrics", timeout=time_limit(60)).text.splitlines()
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}
    assert values['streamseg_stream_ready{stream="gate"}'] == 1
    assert values['streamseg_subscribers{stream="gate"}'] == 1
    for name in ("frames_captured", "frames_inferred", "masks_published"):
        assert values[f'streamseg_{name}_total{{stream="gate"}}'] > 0
    for stage in ("decode", "wait", "infer", "stabilise", "encode"):
        assert values[f'streamseg_stage_seconds_count{{stage="{stage}",stream="gate"}}'] > 0
    assert values['streamseg_engine_busy_seconds_total{engine="default"}'] > 0
    assert running.end()
    assert running.daemon._showing.join(Deadline(0))


def test_a_busy_status_port_ends_the_start_with_what_systemd_starts_again(package: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(StreamsegError, match=f"status.bind: {address}: Address already in use") as caught:
            app.run(shown(package, address))
    assert caught.value.exit_code == EXIT_UNEXPECTED


def test_a_dead_thread_ends_the_daemon(package: str, run: Any) -> None:
    running = run(config(package, gate={"source": CLIP}))
    running.daemon._assembly._keepers["default"].stop()
    running.thread.join(time_limit(60))
    assert running.daemon.exit_code == EXIT_UNEXPECTED


def test_what_cannot_start_leaves_nothing(package: str, run: Any) -> None:
    taken = run(config(package, gate={"source": CLIP}))
    address = taken.daemon._publisher.addresses[0]
    asked = config(package, gate={"source": CLIP})
    busy = asked.model_copy(update={"publish": asked.publish.model_copy(update={"bind": [address]})})
    with pytest.raises(PublishError, match="listens there already"):
        app.run(busy)
    with pytest.raises(PackageError):
        app.run(config("/nowhere", gate={"source": CLIP}))
