"""A viewer sees what is shown."""

from __future__ import annotations

import threading
import time

import pytest

from benchmarks.viewer import look
from streamseg.flow.deadline import Deadline
from streamseg.flow.stage import Stage
from streamseg.status.server import Settings, StatusServer
from tests.status.boards import make_board
from tests.status.masks import mask


def test_pictures_are_counted_from_the_first() -> None:
    server = StatusServer(make_board(), Settings("127.0.0.1:0"), dict)
    server.start()

    def show(stop: threading.Event) -> None:
        while not stop.wait(0.02):
            server.offer(mask("gate"))

    engine = Stage("fake-engine", show)
    engine.start()
    found = look(server.address, "gate", 0.5)
    for part in (engine, server):
        part.stop()
        assert part.join(Deadline(20))
    assert 0 < found["pictures_per_s"] <= 30
    assert found["kb_per_s"] > 0


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    began_s = time.monotonic()
    with pytest.raises(OSError, match="refused"):
        look("127.0.0.1:9", "gate", 1)
    assert time.monotonic() - began_s < 60
