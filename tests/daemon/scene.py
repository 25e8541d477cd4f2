"""A whole daemon in this process, on engines by script, whose streams are watched."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from streamseg.config.schema import Config
from streamseg.daemon import app
from streamseg.daemon.event_loop import EventLoop
from streamseg.types import Segmentation, StreamState
from tests.daemon.bench import Engines
from tests.waiting import time_limit, wait_for

PATIENCE_S = time_limit(90.0)


def source(url: str = "lavfi:testsrc2=size=64x48:rate=50") -> dict[str, Any]:
    return {"url": url, "pace": False}


WHITE = source("lavfi:color=white:size=96x64:rate=50")  # the fake's logits of it are NaN


def config(streams: Mapping[str, Any], **engines: str) -> Config:
    engines = {"main": "small", **engines}
    return Config.model_validate(
        {
            "engines": {name: {"model": package} for name, package in engines.items()},
            "publish": {"bind": "tcp://127.0.0.1:0"},
            "status": {"bind": "127.0.0.1:0"},
            "daemon": {"stop_timeout_s": 30, "restart_limit": 1},
            "streams": {name: {"engine": "main", **one} for name, one in streams.items()},
        }
    )


class Scene:
    """A daemon watched on a thread of its own."""

    def __init__(self, engines: Engines, streams: Mapping[str, Any]) -> None:
        self.engines = engines
        self.next: Config | Exception = config(streams)
        assert isinstance(self.next, Config)
        self.desk = EventLoop()
        self.daemon = app.Daemon(self.next, self.desk, self._read)
        self.masks: dict[str, int] = {}
        self.daemon.events.mask_made.connect(self._count)
        self.watcher = threading.Thread(target=self.daemon.watch, daemon=True)

    def _read(self) -> Config:
        if isinstance(self.next, Exception):
            raise self.next
        return self.next

    def _count(self, segmentation: Segmentation) -> None:
        stream = segmentation.frame.stream
        self.masks[stream] = self.masks.get(stream, 0) + 1

    def start(self) -> None:
        self.daemon.start()
        self.watcher.start()

    def reload(self, wanted: Config | Exception) -> None:
        self.next, through = wanted, threading.Event()
        self.desk.hand_in(self.daemon.reload)
        self.desk.hand_in(through.set)
        assert through.wait(PATIENCE_S)

    def state(self, stream: str) -> StreamState:
        found = self.daemon._assembly.streams.get(stream)
        assert found is not None
        return found.life.state.state

    def goes_on(self, stream: str = "gate") -> None:
        """Every thread lives, and masks of the stream go on coming."""
        least = self.masks.get(stream, 0) + 5
        wait_for(lambda: self.masks.get(stream, 0) >= least, PATIENCE_S, f"masks of {stream}")
        assert self.watcher.is_alive()
        assert all(self.daemon._parts().values())
        assert self.daemon.exit_code == 0

    def end(self) -> None:
        self.desk.end()
        self.watcher.join(PATIENCE_S)
        assert self.daemon.stop()
