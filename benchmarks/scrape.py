"""What a scrape costs: `/metrics` of a board of many streams, written here and asked for over HTTP.

python -m benchmarks.scrape [--streams 32]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from benchmarks.machine import describe
from streamseg.concurrency.deadline import Deadline
from streamseg.status.metrics import Metrics
from streamseg.status.registry import StatusRegistry
from streamseg.status.web.server import Settings, StatusServer
from streamseg.types import (
    ClassInfo,
    Clock,
    Frame,
    ModelInfo,
    Picture,
    PixelLayout,
    Segmentation,
    StateChange,
    StreamState,
    TemporalMode,
)

MASKS = 400  # more than what the board looks back on
ASK = """
import json, sys, time, urllib.request
spent = []
for _ in range(int(sys.argv[2])):
    time.sleep(0.25)  # longer than answers are kept
    began = time.perf_counter()
    urllib.request.urlopen(sys.argv[1]).read()
    spent.append((time.perf_counter() - began) * 1e3)
print(json.dumps(spent))
"""


def segmentation(stream: str) -> Segmentation:
    """A mask of the shipped package's size, captured 30 ms ago."""
    picture = Picture(PixelLayout.GRAY, (np.zeros((360, 480), np.uint8),), (480, 360))
    frame = Frame(stream, 0, None, time.monotonic() - 0.03, time.time() - 0.03, Clock.HOST, picture)
    labels = np.random.default_rng(0).integers(0, 11, (360, 480), np.uint8)
    ms = {"decode": 2.0, "wait": 1.0, "infer": 14.0, "stabilise": 6.0}
    return Segmentation(
        frame, labels, labels, np.zeros((360, 480, 3), np.uint8), TemporalMode.NONE, False, ms
    )


def full_board(streams: int) -> StatusRegistry:
    """A board on which every stream has run for a while."""
    board = StatusRegistry(time.monotonic, time.time)
    model = ModelInfo(
        "m", "1", "ab", "CC0-1.0", (ClassInfo(0, "sky", (1, 2, 3)),), "openvino", "f32", (480, 360)
    )
    for number in range(streams):
        name = f"camera-{number:02d}"
        board.add(name)
        board.serve(name, "default", model)
        board.changed(StateChange(name, StreamState.RUNNING, time.time()))
        made = segmentation(name)
        for _ in range(MASKS):
            board.mask(made)
            board.published(name, 0.2, 0)
    return board


def timed(
    work: Callable[[], object], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Milliseconds of each round, after one that is not counted."""
    work()
    spent = []
    for _ in range(rounds):
        began_s = clock()
        work()
        spent.append((clock() - began_s) * 1e3)
    return spent


def over_http(board: StatusRegistry, rounds: int) -> list[float]:
    """Milliseconds of each scrape as another process sees them."""
    server = StatusServer(board, Settings("127.0.0.1:0"), dict)
    server.start()
    try:
        asked = [sys.executable, "-c", ASK, f"http://{server.address}/metrics", str(rounds + 1)]
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
    finally:
        server.stop()
        server.join(Deadline(5))
    spent: list[float] = json.loads(done.stdout)
    return spent[1:]


def measure(streams: int, rounds: int) -> dict[str, Any]:
    """Everything, the machine's name included."""
    machine, board = describe(), full_board(streams)
    metrics = Metrics(board)
    text = metrics.text()
    spent = {
        "processor_ms": timed(metrics.text, rounds, time.thread_time),
        "written_ms": timed(metrics.text, rounds),
        "over_http_ms": over_http(board, rounds),
    }
    figures = {
        what: {"p50": round(median(all_ms), 1), "least": round(min(all_ms), 1), "most": round(max(all_ms), 1)}
        for what, all_ms in spent.items()
    }
    return {"machine": machine, "streams": streams, "lines": text.count(b"\n"), "bytes": len(text), **figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=50)
    asked = parser.parse_args()
    print(json.dumps(measure(asked.streams, asked.rounds), indent=2))


if __name__ == "__main__":
    main()
