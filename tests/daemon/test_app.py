"""The daemon as a whole, in this process, on tiny packages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamseg.client.subscription import Subscription, subscribe
from streamseg.config.schema import Config
from streamseg.daemon import app
from streamseg.errors import EXIT_CONFIG, EXIT_OK, EXIT_UNEXPECTED, PackageError, PublishError
from streamseg.types import StreamState
from tests.fakes.packages import make_package
from tests.waiting import wait_for

CLIP = "lavfi:testsrc2=size=96x64:rate=50"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return str(make_package(tmp_path / "tiny").path)


def config(package: str, **streams: Any) -> Config:
    document = {
        "engine": {"package": package, "precision": "f32", "threads": 1},
        "publish": {"bind": "tcp://127.0.0.1:0"},
        "daemon": {"stop_timeout_s": 20},
        "streams": streams,
    }
    return Config.model_validate(document)


class Running:
    """A daemon on a thread of its own, watched by a subscription."""

    def __init__(self, asked: Config, *, once: bool = False) -> None:
        self.stop = threading.Event()
        self.daemon = app.Daemon(asked, self.stop, once=once)
        self.daemon.start()
        self.thread = threading.Thread(target=self.daemon.watch)
        self.thread.start()
        self.masks: Subscription = subscribe(self.daemon._publisher.addresses[0], latest=False, timeout_s=60)

    def end(self) -> bool:
        self.stop.set()
        self.thread.join(60)
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
    assert not [t.name for t in threading.enumerate() if t.name in {"engine", "publisher", "capture-gate"}]


def test_one_bad_stream_does_not_touch_the_other(package: str, run: Any) -> None:
    running = run(config(package, gate={"source": CLIP}, gone={"source": "/nowhere.mp4"}))
    wait_for(lambda: running.state("gone") is StreamState.FAILED)
    assert next(running.masks).stream == "gate"
    assert running.thread.is_alive()
    assert running.end()


def test_a_stream_whose_frames_all_fail_is_given_up(package: str, run: Any) -> None:
    white = "lavfi:color=white:size=96x64:rate=100"  # the tiny package gives NaN for it
    running = run(config(package, gate={"source": CLIP}, glare={"source": white}))
    wait_for(lambda: running.state("glare") is StreamState.FAILED, 60)
    assert running.daemon._board.snapshot("glare").change.reason == "engine"
    first = next(running.masks)
    wait_for(lambda: running.daemon._board.snapshot("gate").masks > first.seq + 2, 60)
    assert running.end()


@pytest.mark.parametrize(
    ("source", "code"),
    [("lavfi:testsrc2=size=96x64:rate=50:duration=0.2", EXIT_OK), ("/nowhere.mp4", EXIT_CONFIG)],
)
def test_once_ends_with_its_source(package: str, run: Any, source: str, code: int) -> None:
    running = run(config(package, gate={"source": source}), once=True)
    running.thread.join(60)
    assert not running.thread.is_alive()
    assert running.daemon.stop()
    assert running.daemon.exit_code == code


def test_a_dead_thread_ends_the_daemon(package: str, run: Any) -> None:
    running = run(config(package, gate={"source": CLIP}))
    running.daemon._worker.stop()
    running.thread.join(60)
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
