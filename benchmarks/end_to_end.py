"""The whole path: masks that reach a subscriber in another process, their age, the daemon's size and stop."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import streamseg
from examples.daemon import ANY_PORT, Daemon, DaemonError, running
from examples.stream_stats import Seen, Tally, seen
from streamseg.client.subscription import Subscription

STREAM = "bench"
SILENCE_S = 120.0  # the first start on a machine compiles the networks
LOOK_S = 0.2


class BenchError(Exception):
    """The daemon under measure did not do its part; one line for a person."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of the daemon.

    Attributes:
        first_mask_s: From starting the process to its first mask here.
        tally: Masks after the warm-up.
        rss_mb: Resident memory at the end, MB of 10^6 bytes.
        stop_s: From SIGTERM to exit.
        exit_code: The daemon's.
    """

    first_mask_s: float
    tally: Tally
    rss_mb: float
    stop_s: float
    exit_code: int


def config(address: str, clip: Path, pace: bool, model: str) -> Mapping[str, object]:
    """A stream from a file that never ends: at its own speed, or as fast as masks are made."""
    return {
        "engine": {"model": model},
        "publish": {"bind": [address]},
        "streams": {STREAM: {"source": {"url": str(clip), "loop": True, "pace": pace}}},
    }


def address_of(daemon: Daemon) -> str:
    """Where it publishes by TCP.

    Raises:
        BenchError: It does not; with its last words.
    """
    try:
        return daemon.address
    except DaemonError as error:
        raise BenchError(str(error)) from None


def arriving(masks: Subscription, daemon: Daemon) -> Iterator[Seen]:
    """Every mask as it arrives.

    Raises:
        BenchError: The daemon ended, or nothing came for `SILENCE_S`; with its last words.
    """
    heard_s = time.monotonic()
    while True:
        try:
            mask = next(masks)
        except TimeoutError:
            if daemon.exit_code is not None or time.monotonic() - heard_s > SILENCE_S:
                raise BenchError(f"no mask: {daemon.last_words}") from None
            continue
        heard_s = time.monotonic()
        yield seen(mask)


def run(clip: Path, pace: bool, model: str, warm_up_s: float, seconds: float) -> Measured:
    """Starts the daemon, lets it settle, counts its masks for a while, stops it.

    Raises:
        BenchError: No mask came.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        running(config(ANY_PORT, clip, pace, model), Path(folder)) as daemon,
        streamseg.subscribe(
            address_of(daemon), stream=STREAM, latest=False, timeout_s=LOOK_S
        ) as subscription,
    ):
        masks = arriving(subscription, daemon)
        first_mask_s = next(masks).at_mono_s - daemon.started_mono_s
        tally = count(masks, time.monotonic() + warm_up_s, seconds)
        rss_mb = daemon.memory_mb()
        exit_code, stop_s = daemon.stop()
    return Measured(first_mask_s, tally, rss_mb, stop_s, exit_code)


def count(masks: Iterator[Seen], from_s: float, seconds: float) -> Tally:
    """The masks that arrive between two monotonic times."""
    tally = Tally()
    for mask in masks:
        if mask.at_mono_s >= from_s + seconds:
            break
        if mask.at_mono_s >= from_s:
            tally.add(mask)
    return tally
