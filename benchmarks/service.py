"""What a service manager sees of the daemon: start, stop, start after a kill (`-m benchmarks.service`).

    ready   from the start of the process to READY=1, with 4 streams and a warm cache
    stop    from SIGTERM to the end, with 16 streams and 5 subscribers that read
    again   from the start after kill -9 to the first mask, on the same ipc:// and tcp:// addresses

Each several times, in turns; medians and the worst are told. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import streamseg
from benchmarks.clip import camvid_clip, make_clip
from benchmarks.end_to_end import BenchError, address_of
from benchmarks.machine import describe
from benchmarks.output import tell
from examples.daemon import ANY_PORT, Daemon, running
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.worker_thread import StoppableThread

SUBSCRIBERS = 5
PATIENCE_S = 120.0  # the first start on a machine compiles the networks
FPS = 2.0  # of each stream: the processor is to be busy, not swamped


def config(clip: Path, streams: int, *addresses: str) -> dict[str, Any]:
    """So many streams from one file that never ends."""
    source = {"url": str(clip), "loop": True}
    return {
        "publish": {"bind": list(addresses)},
        "daemon": {"stop_timeout_s": 10},
        "defaults": {"max_fps": FPS},
        "streams": {f"s{number}": {"source": source} for number in range(streams)},
    }


@contextmanager
def told(folder: Path) -> Iterator[socket.socket]:
    """A socket that hears what the daemon tells systemd."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as hears:
        hears.bind(str(folder / "notify"))
        hears.settimeout(PATIENCE_S)
        yield hears


def until_ready(hears: socket.socket, daemon: Daemon) -> float:
    """Seconds from the daemon's start to its READY=1.

    Raises:
        BenchError: It does not come.
    """
    try:
        while b"READY=1" not in hears.recv(4096).split(b"\n"):
            pass
    except TimeoutError:
        raise BenchError(f"not ready within {PATIENCE_S:g} s: {daemon.last_words}") from None
    return time.monotonic() - daemon.started_mono_s


def ready(clip: Path, streams: int) -> tuple[float, str]:
    """Start to READY=1, and what was said with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            told(folder) as hears,
            running(config(clip, streams, ANY_PORT), folder, NOTIFY_SOCKET=str(folder / "notify")) as daemon,
        ):
            return until_ready(hears, daemon), daemon.last_words


def read(address: str, stop: threading.Event, arrived: threading.Semaphore) -> None:
    """A subscriber that takes whatever comes, until it is stopped."""
    with streamseg.subscribe(address, latest=False, timeout_s=0.2) as masks:
        while not stop.is_set():
            try:
                next(masks)
                arrived.release()
            except TimeoutError:
                continue


@contextmanager
def readers(address: str) -> Iterator[threading.Semaphore]:
    """All subscribers on threads of their own; each mask that comes releases the semaphore."""
    arrived = threading.Semaphore(0)
    stages = [
        StoppableThread(f"reader-{n}", lambda stop: read(address, stop, arrived)) for n in range(SUBSCRIBERS)
    ]
    for stage in stages:
        stage.start()
    try:
        yield arrived
    finally:
        for stage in stages:
            stage.stop()
        deadline = Deadline(10)
        for stage in stages:
            stage.join(deadline)


def stop(clip: Path, streams: int) -> tuple[float, int]:
    """SIGTERM to the end, while subscribers read; and the exit code.

    Raises:
        BenchError: No masks came.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        running(config(clip, streams, ANY_PORT), Path(folder)) as daemon,
        readers(address_of(daemon)) as arrived,
    ):
        for _ in range(SUBSCRIBERS * streams * 2):  # about two of each stream for each of them
            if not arrived.acquire(timeout=PATIENCE_S):
                raise BenchError(f"no mask: {daemon.last_words}")
        code, seconds = daemon.stop(timeout_s=30)
        return seconds, code


def again(clip: Path, streams: int) -> float:
    """From a start after kill -9 to the first mask, on the addresses of the one killed.

    Raises:
        BenchError: No mask came, or the socket of the dead one was in the way.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = f"ipc://{folder}/masks"
        with streamseg.subscribe(file, timeout_s=PATIENCE_S) as masks:
            with running(config(clip, streams, file, ANY_PORT), folder) as first:
                addresses = (file, address_of(first))
                epoch = next(masks).header.epoch
                first.kill()
            if not (folder / "masks").exists():
                raise BenchError("a killed daemon left no socket: nothing is shown")
            with running(config(clip, streams, *addresses), folder) as second:
                while next(masks).header.epoch == epoch:  # what the first one had sent
                    pass
                return time.monotonic() - second.started_mono_s


def middle(values: Sequence[float]) -> dict[str, float]:
    return {"median": median(values), "worst": max(values)}


def measure(repeats: int) -> dict[str, Any]:
    """Everything, after one start that fills the cache.

    Raises:
        BenchError: A part did not run.
    """
    machine = describe()
    with tempfile.TemporaryDirectory() as folder:
        clip = camvid_clip() or make_clip(Path(folder) / "made-15fps.mp4")
        ready(clip, 1)
        starts, stops, codes, kills = list[float](), list[float](), set[int](), list[float]()
        for _ in range(repeats):
            starts.append(ready(clip, 4)[0])
            seconds, code = stop(clip, 16)
            stops.append(seconds)
            codes.add(code)
            kills.append(again(clip, 4))
    return {
        "machine": machine,
        "ready_s": middle(starts),
        "stop_s": middle(stops),
        "again_s": middle(kills),
        "exit_codes": sorted(codes),
    }


def table(found: dict[str, Any]) -> str:
    """The figures for docs."""
    names = {
        "ready_s": "start to READY, 4 streams, warm cache",
        "stop_s": f"SIGTERM to exit, 16 streams, {SUBSCRIBERS} subscribers",
        "again_s": "start after kill -9 to first mask, 4 streams",
    }
    lines = [
        f"| {what} | {found[key]['median']:.2f} s | {found[key]['worst']:.2f} s |"
        for key, what in names.items()
    ]
    machine = found["machine"]
    head = f"{machine['cpu']}, {machine['cores']} cores, load before: {machine['load_before']}"
    return "\n".join([head, "", "| what | median | worst |", "|---|---|---|", *lines])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the JSON there instead of printing it")
    asked = parser.parse_args()
    try:
        found = measure(asked.repeats)
    except (BenchError, TimeoutError) as error:
        print(f"service: {error}", file=sys.stderr)
        return 1
    tell(table(found), found, asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
