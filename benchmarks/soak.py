"""Half an hour of a daemon's life: does it grow, is anything lost (`python -m benchmarks.soak --minutes 30`)?

Eight streams (three files, three RTSP cameras whose server is killed and started again, a test picture, a
camera that does not exist), five subscribers that come and go, a changed configuration every minute. One more
subscriber keeps the books. Prints a table, writes JSON. Needs the tests' RTSP server (tests/parts/apt.txt).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import streamseg
from benchmarks.clip import camvid_clip, make_clip
from benchmarks.loss_accounting import Account, Ledger
from benchmarks.machine import describe
from benchmarks.process_stats import Vitals, after, look, slope_per_h
from examples.daemon import ANY_PORT, Daemon, DaemonError, running
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.worker_thread import StoppableThread
from tests.capture.servers import closed_port
from tests.parts.rtsp import RtspServer, missing

LOOK_S = 5.0
SUBSCRIBERS = 5
CAMERAS = 3
FILES = 3
FPS = 3.0  # of each stream: together about half of what a core can do with the shipped package


@dataclass(frozen=True, slots=True)
class Asked:
    """How long, and how rough."""

    seconds: float
    warm_up_s: float
    reload_s: float
    outage_s: float


@dataclass
class Soak:
    """What is measured.

    Attributes:
        vitals: Looks at the daemon.
        ledger: Books on its streams.
        visits: Subscriptions that came and went, and masks that they saw.
        reloads, outages: How often the configuration changed, and the RTSP server was killed.
    """

    vitals: list[Vitals] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    visits: list[int] = field(default_factory=list)
    reloads: int = 0
    outages: int = 0


def configuration(
    address: str, clip: Path, server: RtspServer, closed_port: int, reloads: int
) -> dict[str, Any]:
    """Eight streams; each reload changes one of the files' and puts the one before back."""
    source = {"reconnect_max_s": 2.0, "stall_after_s": 2.0}
    streams: dict[str, Any] = {
        f"file{n}": {"source": {"url": str(clip), "loop": True}, "temporal": "ema"} for n in range(FILES)
    }
    streams |= {f"camera{n}": {"source": {"url": server.url(f"cam{n}"), **source}} for n in range(CAMERAS)}
    streams["picture"] = {"source": "lavfi:testsrc2=size=640x480:rate=5"}
    streams["dead"] = {"source": {"url": f"rtsp://127.0.0.1:{closed_port}/gone", **source}, "required": False}
    streams[f"file{reloads % FILES}"]["ema"] = 0.3 + 0.01 * (reloads % 50)
    return {
        "publish": {"bind": [address], "hwm": 64},  # whoever keeps the books must not be the slow one
        "daemon": {"stop_timeout_s": 10},
        "defaults": {"max_fps": FPS},
        "streams": streams,
    }


def keep_books(soak: Soak, address: str, began_s: float, stop: threading.Event) -> None:
    """Every mask and every change of state, until `stop`."""
    told: dict[str, tuple[str, float]] = {}
    with streamseg.subscribe(address, latest=False, timeout_s=0.2) as masks:
        while not stop.is_set():
            try:
                mask = next(masks)
            except TimeoutError:
                mask = None
            at_s = time.monotonic() - began_s
            for stream, status in list(masks.statuses.items()):
                if told.get(stream) != (news := (str(status.state), status.since)):
                    told[stream] = news
                    soak.ledger.state(stream, at_s)
            if mask is not None:
                soak.ledger.mask(mask.header, at_s)


def visit(soak: Soak, address: str, rng: random.Random, stop: threading.Event) -> None:
    """A subscriber that comes, watches one stream or all for a while, and goes, over and over."""
    while not stop.wait(rng.uniform(0.5, 5)):
        stream = rng.choice([None, "file0", "camera0", "picture"])
        leave, count = Deadline(rng.uniform(2, 30)), 0
        with streamseg.subscribe(address, stream, latest=rng.random() < 0.5, timeout_s=0.2) as masks:
            while not (leave.expired or stop.is_set()):
                try:
                    next(masks)
                    count += 1
                except TimeoutError:
                    continue
        soak.visits.append(count)


@contextmanager
def crowd(soak: Soak, address: str, began_s: float) -> Iterator[None]:
    """All subscribers, on threads, for the length of a `with` block."""
    bodies: list[Callable[[threading.Event], None]] = [lambda stop: keep_books(soak, address, began_s, stop)]
    for number in range(SUBSCRIBERS):
        rng = random.Random(number)  # noqa: S311 - no secret
        bodies.append(lambda stop, rng=rng: visit(soak, address, rng, stop))  # type: ignore[misc]
    stages = [StoppableThread(f"subscriber-{n}", body) for n, body in enumerate(bodies)]
    for stage in stages:
        stage.start()
    try:
        yield
    finally:
        for stage in stages:
            stage.stop()
        deadline = Deadline(10)
        for stage in stages:
            stage.join(deadline)


def live(
    soak: Soak, daemon: Daemon, server: RtspServer, made: Callable[[int], Mapping[str, Any]], asked: Asked
) -> None:
    """Looks every `LOOK_S`; reloads and outages when they are due. Raises OSError: the daemon is gone."""
    began_s = time.monotonic()
    pause = threading.Event()
    while (now_s := time.monotonic() - began_s) < asked.seconds:
        if daemon.exit_code is not None:
            raise OSError(f"the daemon ended with {daemon.exit_code}: {daemon.last_words}")
        soak.vitals.append(look(daemon.pid, now_s))
        if asked.reload_s and now_s >= (soak.reloads + 1) * asked.reload_s:
            soak.reloads += 1
            daemon.reload(made(soak.reloads))
        if now_s >= (soak.outages + 1) * asked.outage_s:
            soak.outages += 1
            server.kill()
            pause.wait(LOOK_S)
            server.start()
        pause.wait(LOOK_S)


def measure(asked: Asked) -> dict[str, Any]:
    """The whole soak."""
    machine = describe()
    soak = Soak()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clip = camvid_clip() or make_clip(folder / "made-15fps.mp4")
        clips = [argument for n in range(CAMERAS) for argument in ("--clip", f"cam{n}={clip}")]
        server = stack.enter_context(RtspServer(*clips))
        closed = stack.enter_context(closed_port())
        daemon = stack.enter_context(running(configuration(ANY_PORT, clip, server, closed, 0), folder))
        address = daemon.address

        def made(reloads: int) -> Mapping[str, Any]:
            return configuration(ANY_PORT, clip, server, closed, reloads)

        stack.enter_context(crowd(soak, address, time.monotonic()))
        live(soak, daemon, server, made, asked)
        exit_code, stop_s = daemon.stop()
        log = daemon.log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = summary(soak, asked)
    return {
        "machine": machine,
        "asked": asdict(asked),
        **told,
        "exit_code": exit_code,
        "stop_s": stop_s,
        "incidents": soak.ledger.incidents,
        "errors_logged": [line for line in log if '"level": "error"' in line][:20],
        "streams": {name: asdict(account) for name, account in sorted(soak.ledger.accounts.items())},
        "vitals": [asdict(one) for one in soak.vitals],
    }


def summary(soak: Soak, asked: Asked) -> dict[str, Any]:
    """The figures that count."""
    warm = after(soak.vitals, asked.warm_up_s)
    times = [one.at_s for one in warm]
    return {
        "rss_mb_first": warm[0].rss_mb if warm else None,
        "rss_mb_last": warm[-1].rss_mb if warm else None,
        "rss_mb_per_h": slope_per_h(times, [one.rss_mb for one in warm]),
        "fds_min_max": _range([one.fds for one in warm]),
        "fds_per_h": slope_per_h(times, [one.fds for one in warm]),
        "threads_min_max": _range([one.threads for one in warm]),
        "threads_per_h": slope_per_h(times, [one.threads for one in warm]),
        "unexplained": sum(account.unexplained for account in soak.ledger.accounts.values()),
        "reloads": soak.reloads,
        "outages": soak.outages,
        "visits": len(soak.visits),
        "masks_visitors_saw": sum(soak.visits),
    }


def _range(values: list[int]) -> list[int]:
    return [min(values), max(values)] if values else []


def row(name: str, account: Account) -> str:
    missing = f"{account.masks_missing} / {account.frames_missing} / {account.silences}"
    return (
        f"| {name} | {account.masks} | {missing} | {account.unexplained} | {account.longest_s:.1f} "
        f"| {account.restarts} | {account.changes} |"
    )


def table(found: Mapping[str, Any]) -> str:
    """The figures for docs."""
    keys = [
        key
        for key in found
        if key not in {"machine", "asked", "streams", "vitals", "incidents", "errors_logged"}
    ]
    lines = ["| what | figure |", "|---|---|"]
    for key in keys:
        value = found[key]
        lines.append(f"| {key} | {f'{value:.2f}' if isinstance(value, float) else value} |")
    lines += [
        "",
        "| stream | masks | masks, frames, silences missing | unexplained | pause s | restarts | states |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [row(name, Account(**account)) for name, account in found["streams"].items()]
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--warm-up", type=float, help="minutes not counted; a fifth unless given")
    parser.add_argument("--reload", type=float, default=60, help="seconds between two reloads; 0: none")
    parser.add_argument("--outage", type=float, default=150, help="seconds between two kills of the server")
    parser.add_argument("--json", type=Path, default=Path("build/soak.json"), help="where the JSON goes")
    return parser.parse_args()


def main() -> int:
    if why := missing():
        print(f"soak: {why}", file=sys.stderr)
        return 1
    given = parse()
    seconds = given.minutes * 60
    warm_up_s = seconds / 5 if given.warm_up is None else given.warm_up * 60
    try:
        found = measure(Asked(seconds, warm_up_s, given.reload, given.outage))
    except (OSError, DaemonError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1
    print(table(found))
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"\nall of it: {given.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
