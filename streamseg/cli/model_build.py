"""`streamseg model build`: a package compiled for this machine before it is needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from streamseg.cli.completions import backend_option, precision_option
from streamseg.cli.output import say
from streamseg.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from streamseg.inference.backend import Progress


def build(
    package: Annotated[str, typer.Argument(help="model package: name or folder")],
    *,
    backend: Annotated[
        str, typer.Option(help="openvino, tensorrt or tensorrt_rtx; auto: the first usable one")
    ] = "auto",
    precision: Annotated[
        str, typer.Option(help="f32, bf16, f16 or int8; auto: the backend's choice")
    ] = "auto",
    max_batch: Annotated[int, typer.Option(min=1, max=64, help="maximum batch size")] = 1,
    threads: Annotated[int, typer.Option(min=0, max=256, help="CPU threads; 0: one per physical core")] = 0,
    cache_dir: Annotated[
        Path | None, typer.Option(help="cache folder, as engine.cache_dir (default: the user's cache)")
    ] = None,
) -> None:
    """Compile PACKAGE for this machine ahead of time, into the cache.

    The daemon finds the result only if its engine has the same settings.
    """
    from streamseg.inference.build import Order  # noqa: PLC0415
    from streamseg.inference.build_process import BuildProcess  # noqa: PLC0415
    from streamseg.inference.packages.package import open_package  # noqa: PLC0415

    opened = open_package(package)
    chosen, computed_in = backend_option(backend), precision_option(precision)
    order = Order(opened.path, chosen, computed_in, max_batch, threads, cache_dir)
    with shown(opened.manifest.name, sys.stdout) as progress:
        info = BuildProcess(order).run(progress)
    say(
        f"{opened.manifest.name}: built for {info.backend} {info.version}, {info.precision} ({info.why}), "
        f"on {info.device}"
    )


@contextmanager
def shown(name: str, out: TextIO) -> Iterator[Progress]:
    """Progress as a bar on a terminal, as a line for each phase elsewhere."""
    if not out.isatty():
        yield Lines(name, out).step
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415

    with Bars(console=Console(file=out), transient=True) as bars:
        yield _Bar(bars).step


class Lines:
    """A line for each phase as it begins for the first time."""

    def __init__(self, name: str, out: TextIO) -> None:
        self._name, self._out = name, out
        self._seen: set[str] = set()

    def step(self, phase: str, _done: int, _of: int) -> bool:
        """See `Progress`."""
        if phase not in self._seen:
            self._seen.add(phase)
            typer.echo(printable(f"{self._name}: {phase}"), file=self._out)
        return True


class _Bar:
    """One bar for the phase at hand: a builder goes through dozens, some of them nested."""

    def __init__(self, bars: Bars) -> None:
        self._bars, self._task = bars, bars.add_task("")

    def step(self, phase: str, done: int, of: int) -> bool:
        """See `Progress`."""
        self._bars.update(self._task, description=printable(phase), completed=done, total=of)
        return True
