"""Measuring what a flood of subscriptions costs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import zmq

from benchmarks import end_to_end, flood
from benchmarks.flood import Watched
from examples.daemon import Daemon


def test_the_longest_interval_counts_silence_at_either_end(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Watched(at_s=[3.0, 10.5, 11.0, 12.0], gaps=1, rss_mb=[200.0, 230.0, 210.0])
    monkeypatch.setattr(flood, "time", SimpleNamespace(monotonic=lambda: 14.0))
    assert seen.told(10.0) == {
        "masks_per_s": 0.8,
        "longest_interval_s": 2.0,
        "rss_mb_most": 230.0,
        "rss_mb_last": 210.0,
    }


def test_the_flood_subscribes_to_as_much_as_it_says_and_leaves() -> None:
    with zmq.Context() as context, context.socket(zmq.XPUB) as xpub:
        xpub.setsockopt(zmq.LINGER, 0)
        port = xpub.bind_to_random_port("tcp://127.0.0.1")
        thread = threading.Thread(target=flood.flood, args=(f"tcp://127.0.0.1:{port}", 50, 20, 0.1))
        thread.start()
        heard = [xpub.recv() for _ in range(100)]
        thread.join()
    assert {len(message) for message in heard} == {21}
    assert len(set(heard)) == 100
    assert [message[0] for message in heard] == [1] * 50 + [0] * 50


class Paper:
    """A daemon whose log is all there is of it."""

    exit_code: int | None = 78
    last_words = "cannot bind"


def test_a_daemon_that_ends_is_no_measurement() -> None:
    with pytest.raises(end_to_end.BenchError, match="no mask: cannot bind"):
        flood.wait_for_first(Watched(), cast("Daemon", Paper()))


def test_each_part_of_a_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    @contextmanager
    def paper(*_: object) -> Iterator[object]:
        yield Watched(at_s=[1.0], rss_mb=[1.0])

    def during(_: Watched, arguments: list[str]) -> dict[str, float]:
        asked.append(arguments)
        return {"longest_interval_s": 0.2}

    monkeypatch.setattr(flood, "running", paper)
    monkeypatch.setattr(end_to_end, "address_of", lambda _: "tcp://here:1")
    monkeypatch.setattr(flood, "watching", paper)
    monkeypatch.setattr(flood, "phase", lambda _seen, seconds: {"longest_interval_s": seconds})
    monkeypatch.setattr(flood, "during", during)
    told = flood.run(Path("clip.mp4"), "camvid-lite0", 30, 20, 0.01)
    assert [told[part]["longest_interval_s"] for part in ("before", "during", "after")] == [0.01, 0.2, 10.0]
    assert asked == [["--flood", "tcp://here:1", "30", "20", "0.01"]]
    assert json.dumps(told)
