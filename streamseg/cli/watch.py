"""`streamseg watch`: show a mask stream on a terminal, as JSON, or as files."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from streamseg.client.access import denied
from streamseg.client.bounded import Bounded
from streamseg.client.record import save_mask
from streamseg.client.subscription import Mask, Subscription, subscribe
from streamseg.concurrency.meters import Quantiles, RateMeter
from streamseg.concurrency.rate_limit import RateLimiter
from streamseg.errors import StreamsegError
from streamseg.wire.json_reader import printable

_LOOK_S = 1.0  # how long to wait for a mask before saying that none came
_TELL_S = 1.0  # between two lines about a stream
_RATE_S = 3.0  # window of the rate
_SAMPLES = 200  # of the ages
_MOST_STREAMS = 256  # followed at once; those heard of longest ago give way
_MOST_LINES = 64  # kept in place on a terminal
_CREDIBLE_MS = 1e9
_MOST_STATES = 20  # of streams without a mask, told in one line


def watch(
    address: Annotated[
        str, typer.Argument(help="address that a daemon publishes on")
    ] = "tcp://127.0.0.1:5555",
    *,
    stream: Annotated[str | None, typer.Option(help="name of one stream (default: all)")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print one JSON object per mask: header and age_ms")
    ] = False,
    count: Annotated[int, typer.Option(min=0, help="stop after this number of masks; 0: never")] = 0,
    save: Annotated[Path | None, typer.Option(help="save every mask to this folder as PNG")] = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="fail after this many seconds without a mask; 0: never")
    ] = 0,
) -> None:
    """Show the masks of a daemon: a status line per stream, or every mask with --json."""
    if save is not None:
        _make_folder(save)
    look_s = min(_LOOK_S, timeout or _LOOK_S)
    every = as_json or save is not None or count > 0
    with (
        closing(subscribe(address, stream, latest=not every, timeout_s=look_s)) as masks,
        closing(Display(sys.stdout)) as display,
    ):
        viewer = Viewer(masks, display, as_json=as_json, save=save)
        for number, mask in enumerate(arriving(masks, address, timeout), 1):
            viewer.show(mask)
            if number == count:
                return


def arriving(masks: Subscription, address: str, timeout_s: float) -> Iterator[Mask]:
    """The masks as they come; while none does, says so, and whatever news the daemon has of its streams.

    Raises:
        StreamsegError: None came for `timeout_s` seconds (0: waits for ever).
        WireError: See `Subscription`.
    """
    since_s, said = time.monotonic(), ""
    while True:
        try:
            mask = next(masks, None)
        except TimeoutError:
            if timeout_s and time.monotonic() - since_s >= timeout_s:
                text = f"no mask from {address} within {timeout_s:g} s{_known(masks, address)}"
                raise StreamsegError(text) from None
            news = f"waiting for masks from {address}{_known(masks, address)}"
            if news != said:
                said = news
                typer.echo(news, err=True)
            continue
        if mask is None:  # closed
            return
        yield mask
        since_s, said = time.monotonic(), ""


def _known(masks: Subscription, address: str) -> str:
    """What the daemon said of the streams, and what could not be read; or why nothing may have come."""
    states = list(masks.statuses.values())
    told = [
        f"{s.stream} is {s.state}{f' ({s.message})' if s.message else ''}" for s in states[-_MOST_STATES:]
    ]
    if len(states) > _MOST_STATES:
        told.append(f"{len(states) - _MOST_STATES} more streams")
    refused, why = masks.refused
    if refused:
        told.append(f"{refused} messages could not be read: {why}")
    if told:
        return f": {printable('; '.join(told))}"
    return f": {why}" if (why := denied(address)) else "; is the daemon running?"


class Display:
    """One line a stream: kept in place on a terminal, written one after the other elsewhere."""

    def __init__(self, out: TextIO) -> None:
        self._lines: dict[str, str] = {}  # in the order of the screen
        self._out = out
        self._live = Live(console=Console(file=out), auto_refresh=False) if out.isatty() else None

    def tell(self, stream: str, line: str) -> None:
        """Show a stream's newest line."""
        if stream not in self._lines and len(self._lines) >= _MOST_LINES:
            del self._lines[next(iter(self._lines))]
        self._lines[stream] = line
        if self._live is None:
            typer.echo(line, file=self._out)
            return
        if not self._live.is_started:
            self._live.start()
        lines = [Text(text, no_wrap=True, overflow="ellipsis") for text in self._lines.values()]
        self._live.update(Group(*lines), refresh=True)

    def close(self) -> None:
        """Give the terminal back; the last lines stay."""
        if self._live is not None and self._live.is_started:
            self._live.stop()


@dataclass
class _Seen:
    """What was seen of one stream, from its first mask on; the rate counts those after it."""

    rate: RateMeter = field(default_factory=lambda: RateMeter(_RATE_S))
    ages_ms: Quantiles = field(default_factory=lambda: Quantiles(_SAMPLES))
    rate_known: bool = False
    gaps: int = 0
    due: RateLimiter = field(default_factory=lambda: RateLimiter(_TELL_S))


class Viewer:
    """Shows masks: one JSON object each, or a line a second and stream; saves them where asked."""

    def __init__(self, masks: Subscription, display: Display, *, as_json: bool, save: Path | None) -> None:
        self._masks, self._display, self._as_json, self._save = masks, display, as_json, save
        self._seen: Bounded[_Seen] = Bounded(_MOST_STREAMS)

    def show(self, mask: Mask) -> None:
        """Take one mask in.

        Raises:
            StreamsegError: It cannot be saved.
        """
        seen = self._seen.get(mask.stream)
        if seen is None:
            seen = _Seen()
        else:
            seen.rate.tick()
            seen.rate_known = True
        self._seen.keep(mask.stream, seen)
        seen.ages_ms.add(mask.age_s * 1e3)
        seen.gaps += mask.gaps
        if self._save is not None:
            self._keep(mask, self._save)
        if self._as_json:
            typer.echo(as_line(mask))
        elif seen.due.pass_on() is not None:
            self._display.tell(mask.stream, _line(mask, seen))

    def _keep(self, mask: Mask, folder: Path) -> None:
        info = self._masks.infos.get(mask.stream)
        try:
            save_mask(mask, folder, info.classes if info else ())
        except OSError as error:
            raise StreamsegError(f"{folder}: a mask cannot be saved: {error.strerror or error}") from error


def _line(mask: Mask, seen: _Seen) -> str:
    drops = mask.header.drops.capture + mask.header.drops.publish
    ages = f"age p50 {_ms(seen.ages_ms.quantile(0.5))} p95 {_ms(seen.ages_ms.quantile(0.95))} ms"
    classes = ", ".join(found.name for found in mask.classes)
    rate = f"{seen.rate.per_s:4.1f} fps" if seen.rate_known else "   - fps"
    return printable(f"{mask.stream}  {rate}  {ages}  gaps {seen.gaps}  drops {drops}  {classes}")


def _ms(value: float) -> str:
    """Milliseconds; of clocks that lie it need not be every digit."""
    return f"{value:3.0f}" if abs(value) < _CREDIBLE_MS else f"{value:.0e}"


def as_line(mask: Mask) -> str:
    """A mask as one JSON object: the wire's header and `age_ms`."""
    return json.dumps({**mask.header.json, "age_ms": round(mask.age_s * 1e3, 2)})


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StreamsegError(f"{folder}: cannot be made: {error.strerror or error}") from error
