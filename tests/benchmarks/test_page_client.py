"""A viewer sees what is shown."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from benchmarks import page_client
from benchmarks.page_client import look
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.worker_thread import StoppableThread
from streamseg.status.web.server import Settings, StatusServer
from tests.capture.servers import closed_port
from tests.status.boards import make_board
from tests.status.masks import mask
from tests.waiting import time_limit


class Page:
    """Sends these messages, one in a tenth of a second, then closes; keeps what it is asked."""

    def __init__(self, messages: list[str | bytes]) -> None:
        self._messages, self.now_s, self.asked = iter(messages), 0.0, list[str]()

    def send(self, text: str) -> None:
        self.asked.append(text)

    def recv(self, timeout: float) -> str | bytes:
        assert timeout > 0
        self.now_s += 0.1
        if (message := next(self._messages, None)) is None:
            raise TimeoutError
        return message


def watched(messages: list[str | bytes], seconds: float, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    page = Page(messages)
    monkeypatch.setattr(page_client, "time", SimpleNamespace(monotonic=lambda: page.now_s))
    monkeypatch.setattr(page_client, "connect", lambda *_, **__: nullcontext(page))
    found = look("here:1", "gate", seconds)
    assert page.asked == ['{"streams": ["gate"]}']
    return found


def test_pictures_are_counted_from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[str | bytes] = ["{}", "{}", *[b"x" * 1000] * 50]
    found = watched(messages, 2.0, monkeypatch)
    assert found == pytest.approx({"pictures_per_s": 10.5, "kb_per_s": 10.5})


def test_one_that_falls_silent_is_measured_as_far_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    found = watched([b"x" * 500, "{}", b"x" * 500], 100.0, monkeypatch)
    assert found["pictures_per_s"] == pytest.approx(2 / 0.3)
    assert watched([], 1.0, monkeypatch)["pictures_per_s"] == 0.0


def test_a_real_page_is_seen() -> None:
    server = StatusServer(make_board(), Settings("127.0.0.1:0"), dict)
    server.start()

    def show(stop: threading.Event) -> None:
        while not stop.wait(0.02):
            server.offer(mask("gate"))

    engine = StoppableThread("fake-engine", show)
    engine.start()
    found = look(server.address, "gate", 0.5)
    for part in (engine, server):
        part.stop()
        assert part.join(Deadline(time_limit(60)))
    assert found["pictures_per_s"] > 0
    assert found["kb_per_s"] > 0


def test_nobody_there() -> None:
    with closed_port() as port, pytest.raises(OSError, match="refused"):
        look(f"127.0.0.1:{port}", "gate", 1)
