"""`streamseg watch`: see a mask stream on a terminal, as JSON, or as files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from streamseg.client.record import save_mask
from streamseg.client.subscription import Mask, Subscription, subscribe
from streamseg.errors import StreamsegError
from streamseg.flow.meters import Quantiles, RateMeter

_LOOK_S = 1.0  # how long to wait for a mask before saying that none came
_SAMPLES = 200


def watch(
    address: Annotated[str, typer.Argument(help="where a daemon publishes")] = "tcp://127.0.0.1:5555",
    *,
    stream: Annotated[str | None, typer.Option(help="one stream only")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object a mask: header and age_ms")
    ] = False,
    count: Annotated[int, typer.Option(min=0, help="stop after so many masks; 0: never")] = 0,
    save: Annotated[Path | None, typer.Option(help="write each mask to this folder, as PNG")] = None,
    timeout: Annotated[float, typer.Option(min=0, help="fail after so many seconds without")] = 0,
) -> None:
    """Watch the masks of a daemon: a line a second, or every mask with --json."""
    if save is not None:
        _make_folder(save)
    every = as_json or save is not None or count > 0
    with closing(subscribe(address, stream, latest=not every, timeout_s=_LOOK_S)) as masks:
        viewer = Viewer(masks, as_json=as_json, save=save)
        for number, mask in enumerate(arriving(masks, address, timeout), 1):
            viewer.show(mask)
            if number == count:
                return


def arriving(masks: Subscription, address: str, timeout_s: float) -> Iterator[Mask]:
    """The masks as they come; while none does, says so, with the state the daemon told.

    Raises:
        StreamsegError: None came for `timeout_s` seconds (0: waits for ever).
    """
    silent_s = 0.0
    while True:
        try:
            mask = next(masks)
        except TimeoutError:
            silent_s += _LOOK_S
            if timeout_s and silent_s >= timeout_s:
                raise StreamsegError(
                    f"no mask from {address} within {timeout_s:g} s{_known(masks)}"
                ) from None
            if silent_s == _LOOK_S:
                typer.echo(
                    f"waiting for masks from {address}{_known(masks) or '; is the daemon running?'}", err=True
                )
            continue
        silent_s = 0.0
        yield mask


def _known(masks: Subscription) -> str:
    """What the daemon said of the streams, if anything."""
    told = [
        f"{s.stream} is {s.state}{f' ({s.message})' if s.message else ''}" for s in masks.statuses.values()
    ]
    return f": {'; '.join(told)}" if told else ""


class Viewer:
    """Shows masks: one JSON object each, or a line a second; saves them where asked."""

    def __init__(self, masks: Subscription, *, as_json: bool, save: Path | None) -> None:
        self._masks, self._as_json, self._save = masks, as_json, save
        self._rate, self._ages_ms = RateMeter(3.0), Quantiles(_SAMPLES)
        self._gaps, self._told_s = 0, 0.0

    def show(self, mask: Mask) -> None:
        """Take one mask in."""
        self._rate.tick()
        self._ages_ms.add(mask.age_s * 1e3)
        self._gaps += mask.gaps
        if self._save is not None:
            info = self._masks.infos.get(mask.stream)
            save_mask(mask, self._save, info.classes if info else ())
        if self._as_json:
            typer.echo(as_line(mask))
        elif time.monotonic() - self._told_s >= 1.0:
            self._told_s = time.monotonic()
            typer.echo(self._line(mask))

    def _line(self, mask: Mask) -> str:
        drops = mask.header.drops.capture + mask.header.drops.publish
        ages = f"age p50 {self._ages_ms.quantile(0.5):3.0f} p95 {self._ages_ms.quantile(0.95):3.0f} ms"
        seen = ", ".join(found.name for found in mask.classes)
        return f"{mask.stream}  {self._rate.per_s:4.1f} fps  {ages}  gaps {self._gaps}  drops {drops}  {seen}"


def as_line(mask: Mask) -> str:
    """A mask as one JSON object: the wire's header and `age_ms`."""
    return json.dumps({**mask.header.json, "age_ms": round(mask.age_s * 1e3, 2)})


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StreamsegError(f"{folder}: cannot be made: {error.strerror or error}") from error
