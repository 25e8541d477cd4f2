"""What a peer with ever more subscriptions costs: the longest interval between masks elsewhere, and memory.

A daemon serves a looped clip at the clip's own speed to a subscriber in this process. Another process
subscribes to many filters that nobody else has, stays for a while, and leaves.

    python -m benchmarks.flood [--seconds 8]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from subprocess import Popen
from typing import Any

import zmq

import streamseg
from benchmarks import end_to_end
from benchmarks.clip import camvid_clip, make_clip
from benchmarks.machine import describe
from examples.daemon import ANY_PORT, Daemon, running
from examples.model_option import add_model_option

FLOODS = ((0, 20), (100_000, 20), (20_000, 1000))  # filters, bytes of each; the first for comparison
LOOK_S = 0.1
BACK_S = 10.0  # memory is looked at so long after the flood has left


@dataclass
class Watched:
    """What a subscriber and the daemon's memory look like over time.

    Attributes:
        at_s: When each mask arrived, monotonic seconds.
        gaps: Masks lost.
        rss_mb: The daemon's memory at each look, MB of 10^6 bytes.
    """

    at_s: list[float] = field(default_factory=list)
    gaps: int = 0
    rss_mb: list[float] = field(default_factory=list)

    def told(self, since_s: float) -> dict[str, float]:
        """Since a time: masks a second, the longest interval without one, and the most memory."""
        now_s = time.monotonic()
        arrived = [since_s, *(at_s for at_s in self.at_s if at_s >= since_s), now_s]
        longest_s = max(later - sooner for sooner, later in pairwise(arrived))
        return {
            "masks_per_s": round((len(arrived) - 2) / (now_s - since_s), 1),
            "longest_interval_s": round(longest_s, 3),
            "rss_mb_most": round(max(self.rss_mb), 1),
            "rss_mb_last": round(self.rss_mb[-1], 1),
        }


def flood(address: str, count: int, size: int, seconds: float) -> None:
    """Subscribe to `count` random filters of `size` bytes, stay for a while, and leave."""
    with zmq.Context() as context, context.socket(zmq.SUB) as peer:
        peer.setsockopt(zmq.LINGER, 0)
        peer.setsockopt(zmq.SNDHWM, 0)
        peer.connect(address)
        for _ in range(count):
            peer.subscribe(os.urandom(size))
        peer.poll(int(seconds * 1e3))  # lets libzmq connect and subscribe again, as in an application


@contextmanager
def watching(daemon: Daemon, address: str) -> Iterator[Watched]:
    """A subscriber to every mask and a look at the memory now and then, on threads of their own.

    Raises:
        BenchError: No mask came at all.
    """
    seen, stop = Watched(), threading.Event()

    def watch() -> None:
        with streamseg.subscribe(address, stream=end_to_end.STREAM, latest=False, timeout_s=LOOK_S) as masks:
            first = True
            for mask in end_to_end.arriving(masks, daemon):
                seen.at_s.append(mask.at_mono_s)
                seen.gaps += 0 if first else mask.gaps
                first = False
                if stop.is_set():
                    return

    def weigh() -> None:
        while not stop.wait(LOOK_S):
            seen.rss_mb.append(daemon.memory_mb())

    threads = [threading.Thread(target=target, daemon=True) for target in (watch, weigh)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join(end_to_end.SILENCE_S)


def wait_for_first(seen: Watched, daemon: Daemon) -> None:
    """Return once masks come and memory was looked at. Raises BenchError where the daemon has ended."""
    while not (seen.at_s and seen.rss_mb):
        if daemon.exit_code is not None:
            raise end_to_end.BenchError(f"no mask: {daemon.last_words}")
        time.sleep(LOOK_S)


def run(clip: Path, model: str, count: int, size: int, seconds: float) -> dict[str, Any]:
    """One daemon and one flood: before, while it is there, and after it has left.

    Raises:
        BenchError: No mask came.
    """
    config = end_to_end.config(ANY_PORT, clip, True, model)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(config, Path(folder)) as daemon,
        watching(daemon, address := end_to_end.address_of(daemon)) as seen,
    ):
        wait_for_first(seen, daemon)
        time.sleep(seconds)
        told: dict[str, Any] = {"filters": count, "bytes": size}
        told["before"] = phase(seen, seconds)
        told["during"] = during(seen, ["--flood", address, str(count), str(size), str(seconds)])
        told["after"] = phase(seen, BACK_S)
        return {**told, "gaps": seen.gaps}


def during(seen: Watched, arguments: Sequence[str]) -> dict[str, float]:
    """What is seen while another process of this module runs."""
    began_s = time.monotonic()
    seen.rss_mb.clear()
    with Popen([sys.executable, "-m", "benchmarks.flood", *arguments]) as peer:
        peer.wait()
    return seen.told(began_s)


def phase(seen: Watched, seconds: float) -> dict[str, float]:
    """What is seen in a while that begins now."""
    began_s = time.monotonic()
    seen.rss_mb.clear()
    time.sleep(seconds)
    return seen.told(began_s)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_model_option(parser)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long the flood stays")
    peer = ("ADDRESS", "COUNT", "BYTES", "SECONDS")
    parser.add_argument("--flood", nargs=4, metavar=peer, help="be the peer")
    asked = parser.parse_args()
    if asked.flood:
        address, count, size, seconds = asked.flood
        flood(address, int(count), int(size), float(seconds))
        return 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            clip = camvid_clip() or make_clip(Path(folder) / "made-15fps.mp4")
            runs = [run(clip, asked.model, *one, asked.seconds) for one in FLOODS]
    except end_to_end.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"machine": describe(), "clip": clip.name, "floods": runs}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
