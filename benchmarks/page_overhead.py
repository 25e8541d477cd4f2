"""What the page costs: masks delivered without it, with one nobody looks at, and with one that is watched.

The three in turn, several times over, each a daemon of its own on an unpaced file; medians are told. Then, in
this process, what a mask costs the thread that makes it. The viewer is no browser: its own work would count.

    python -m benchmarks.page_overhead [--seconds 8] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import streamseg
from benchmarks import end_to_end
from benchmarks.clip import camvid_clip, make_clip
from benchmarks.machine import describe
from benchmarks.scrape import full_board, segmentation
from examples.daemon import ANY_PORT, DaemonError, running
from examples.model_option import add_model_option
from streamseg.concurrency.deadline import Deadline
from streamseg.status.web.server import Settings, StatusServer

MODES = ("none", "idle", "watched")
MASKS_HZ = 25  # offered to measure the offering thread


@contextmanager
def viewer(address: str, stream: str, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """Somebody who looks, as a process of its own."""
    command = [sys.executable, "-m", "benchmarks.page_client", address, stream, str(seconds)]
    looking = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield looking
    finally:
        looking.kill()
        looking.communicate()


def run(clip: Path, mode: str, model: str, seconds: float) -> dict[str, float]:
    """One daemon in one mode: masks a second, their age, processor time a mask, pictures that the viewer got.

    Raises:
        BenchError: No mask came.
    """
    config = {
        **end_to_end.config(ANY_PORT, clip, False, model),
        "status": {"bind": None if mode == "none" else "127.0.0.1:0"},
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        running(config, Path(folder)) as daemon,
        streamseg.subscribe(
            end_to_end.address_of(daemon), stream=end_to_end.STREAM, latest=False, timeout_s=0.2
        ) as subscription,
    ):
        masks = end_to_end.arriving(subscription, daemon)
        next(masks)
        with (
            viewer(daemon.page, end_to_end.STREAM, seconds)
            if mode == "watched"
            else tempfile.TemporaryFile() as looking
        ):
            end_to_end.count(masks, time.monotonic(), seconds / 4)
            before_s = daemon.cpu_s()
            tally = end_to_end.count(masks, time.monotonic(), seconds)
            spent_s = daemon.cpu_s() - before_s
            seen = (
                json.loads(looking.communicate(timeout=60)[0])
                if isinstance(looking, subprocess.Popen)
                else {}
            )
    return {
        "masks_per_s": tally.fps,
        "age_ms_p50": tally.age_ms(0.5),
        "cpu_ms_per_mask": spent_s * 1e3 / max(len(tally.seen), 1),
        **seen,
    }


def offering_us(watched: bool, count: int) -> float:
    """Processor time of one `offer` on the thread that makes masks, microseconds; the mean of `count`."""
    name = "camera-00"
    server = StatusServer(full_board(1), Settings("127.0.0.1:0"), dict)
    server.start()
    made, spent_s = segmentation(name), 0.0
    with viewer(server.address, name, 600) if watched else tempfile.TemporaryFile():
        while watched and not server._hub.wanted(name):  # noqa: SLF001  # the page may take a while to ask
            time.sleep(0.01)
        for _ in range(count):
            time.sleep(1 / MASKS_HZ)
            before_s, began_s = time.thread_time(), time.thread_time()
            server.offer(made)
            spent_s += (time.thread_time() - began_s) - (
                began_s - before_s
            )  # less what reading the clock takes
    server.stop()
    server.join(Deadline(5))
    return spent_s / count * 1e6


def board_us(count: int) -> float:
    """Processor time of taking a mask in on the board, microseconds; the mean of `count`."""
    board, made = full_board(1), segmentation("camera-00")
    began_s = time.thread_time()
    for _ in range(count):
        board.mask(made)
    return (time.thread_time() - began_s) / count * 1e6


def medians(turns: list[dict[str, float]]) -> dict[str, float]:
    """Of each figure the median."""
    return {figure: round(median(turn[figure] for turn in turns), 2) for figure in turns[0]}


def measure(clip: Path, model: str, seconds: float, repeats: int) -> dict[str, Any]:
    """Everything, the machine's name included."""
    machine = describe()
    run(clip, "none", model, 0.5)  # fills the engine's cache
    turns = [{mode: run(clip, mode, model, seconds) for mode in MODES} for _ in range(repeats)]
    return {
        "machine": machine,
        "clip": clip.name,
        "repeats": repeats,
        **{mode: medians([turn[mode] for turn in turns]) for mode in MODES},
        "engine_thread_us": {
            "board": round(board_us(2000), 1),
            "offer, nobody looks": round(offering_us(watched=False, count=200), 2),
            "offer, watched": round(offering_us(watched=True, count=200), 2),
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_model_option(parser)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each daemon is measured")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            clip = camvid_clip() or make_clip(Path(folder) / "made-15fps.mp4")
            found = measure(clip, asked.model, asked.seconds, asked.repeats)
    except (end_to_end.BenchError, DaemonError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
