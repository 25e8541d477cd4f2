"""streamseg at work: the daemon in one process, a subscriber in this one, 20 seconds, pictures to look at.

    python -m examples.demo [SOURCE]        (or: make demo SOURCE=rtsp://camera/live)

Without a source it takes a sample clip, looped and paced like a camera. Leaves overlay.mp4, contact-sheet.png
and summary.json in demo/. Exit code 1 where no mask came.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from examples.clips import ClipError, sample_clip
from examples.daemon import ANY_PORT, Daemon, DaemonError, running
from examples.model_option import add_model_option
from examples.pairing import Gatherer
from examples.report import (
    OVERLAY,
    RESULTS,
    SHEET,
    SUMMARY,
    summary,
    write_overlay,
    write_sheet,
    write_summary,
)
from streamseg.types import StreamState

STREAM = "demo"
FIRST_MASK_S = 60.0  # the first start on a machine compiles the networks


class DemoError(Exception):
    """The demo cannot go on; one line for a person."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says."""

    source: str
    seconds: float
    model: str
    out: Path


def config(asked: Asked, address: str) -> dict[str, object]:
    """The daemon's configuration: one stream, with its pictures, a file looped and paced like a camera."""
    source: dict[str, object] = {"url": asked.source}
    if Path(asked.source).is_file():
        source |= {"loop": True, "pace": True}
    return {
        "engine": {"model": asked.model},
        "publish": {"bind": [address], "pictures": True},
        "streams": {STREAM: {"source": source}},
    }


def say(line: str) -> None:
    """A line for the terminal, at once also where it is a pipe."""
    print(line, flush=True)


def over(gatherer: Gatherer) -> bool:
    """Whether no further mask will come."""
    state = gatherer.state(STREAM)
    return state is not None and state.state in (StreamState.ENDED, StreamState.FAILED)


def told(gatherer: Gatherer) -> str:
    """What the daemon says of the stream."""
    state = gatherer.state(STREAM)
    if state is None:
        return "the daemon is starting"
    why = state.message or state.reason
    return f"{state.state}: {why}" if why else state.state


def wait_for_first(
    gatherer: Gatherer, daemon: Daemon, say: Callable[[str], None], timeout_s: float = FIRST_MASK_S
) -> None:
    """Returns with the first mask; meanwhile says what the daemon says of the stream.

    Raises:
        DemoError: The daemon ended, the stream failed for good, or no mask came in time.
    """
    deadline_s = time.monotonic() + timeout_s
    said = ""
    while not gatherer.step():
        if daemon.exit_code is not None:
            raise DemoError(f"the daemon ended with exit code {daemon.exit_code}: {daemon.last_words}")
        if over(gatherer):
            raise DemoError(f"no mask: {told(gatherer)}")
        if time.monotonic() > deadline_s:
            raise DemoError(f"no mask within {timeout_s:.0f} s: {told(gatherer)}")
        if (now := told(gatherer)) != said:
            said = now
            say(said)


def watch(gatherer: Gatherer, seconds: float, say: Callable[[str], None]) -> None:
    """Gathers for so long after the first mask, a line a second; ends early with the stream."""
    started_s = time.monotonic()
    said = 0
    while (elapsed_s := time.monotonic() - started_s) < seconds:
        gatherer.step()
        if int(elapsed_s) > said:
            said = int(elapsed_s)
            say(gatherer.tally.line(said))
        if over(gatherer):
            return


def leave(gatherer: Gatherer, out: Path, exit_code: int) -> None:
    """Writes what the demo leaves behind, and says where."""
    model = gatherer.model
    if gatherer.pairs and model:
        write_overlay(out / OVERLAY, gatherer.pairs, model.classes, gatherer.tally.fps)
        write_sheet(out / SHEET, gatherer.pairs, model.classes)
    write_summary(out / SUMMARY, summary(gatherer.tally, model, exit_code))
    say(f"in {out}/: " + ", ".join(name for name in RESULTS if (out / name).exists()))


def show(asked: Asked) -> int:
    """Runs the demo; returns the daemon's exit code."""
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in RESULTS:  # an earlier run's must not be taken for this one's
        (asked.out / name).unlink(missing_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(config(asked, ANY_PORT), Path(folder)) as daemon,
        Gatherer.listen(daemon.address, STREAM) as gatherer,
    ):
        wait_for_first(gatherer, daemon, say)
        watch(gatherer, asked.seconds, say)
        exit_code, _ = daemon.stop()
        leave(gatherer, asked.out, exit_code)
    return exit_code


def parse(arguments: Sequence[str]) -> Asked:
    """Reads the command line; gets the sample clip where no source is named."""
    parser = argparse.ArgumentParser(prog="demo", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "source", nargs="?", help="a file, rtsp://…, /dev/video0, lavfi:…; default: a sample clip"
    )
    parser.add_argument("--seconds", type=float, default=20.0)
    add_model_option(parser)
    parser.add_argument("--out", type=Path, default=Path("demo"))
    asked = parser.parse_args(arguments)
    source = asked.source or str(sample_clip())
    return Asked(source, asked.seconds, asked.model, asked.out)


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    try:
        return show(parse(sys.argv[1:] if arguments is None else arguments))
    except (ClipError, DaemonError, DemoError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
