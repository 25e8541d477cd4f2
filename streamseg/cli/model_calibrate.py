"""`streamseg model calibrate`: a package that also runs in int8."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamseg.errors import MissingExtraError

if TYPE_CHECKING:
    from streamseg.quantise.calibrate import Step


def calibrate(
    package: Annotated[str, typer.Argument(help="model package: name or folder")],
    *,
    sources: Annotated[
        list[str],
        typer.Option("--from", help="calibration data: a clip, a folder of pictures, rtsp://… (repeatable)"),
    ],
    frames: Annotated[int, typer.Option(min=8, help="number of calibration pictures in all")] = 300,
    every: Annotated[
        float, typer.Option(min=0.01, help="seconds between two pictures of a live source")
    ] = 1.0,
    data: Annotated[
        Path | None,
        typer.Option(help="labelled pictures to measure mIoU on: a recipe, or a folder as for evaluate"),
    ] = None,
    class_map: Annotated[
        list[str] | None,
        typer.Option("--map", help="PACKAGE=DATA: classes with different names that correspond (repeatable)"),
    ] = None,
    max_loss: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="points int8 may lose (default: 0.5 of mIoU; without --data 2 of agreement with float)",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="folder of the new package (default: engines/NAME-int8)")
    ] = None,
) -> None:
    """Quantise the segmenter of PACKAGE to int8 with calibration pictures, and measure the accuracy loss."""
    try:
        from streamseg.quantise.calibrate import calibrate as run  # noqa: PLC0415
        from streamseg.quantise.compare import table  # noqa: PLC0415
        from streamseg.quantise.frames import gather  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtraError("calibrating", "quantise") from error
    from rich.console import Console  # noqa: PLC0415

    from streamseg.inference.packages.package import open_package  # noqa: PLC0415
    from streamseg.training.data.class_map import parse_pairs  # noqa: PLC0415
    from streamseg.training.data.dataset import find_dataset  # noqa: PLC0415

    opened = open_package(package)
    labelled = None if data is None else find_dataset(data)
    if labelled is not None:
        names = [c.name for c in opened.manifest.classes]
        labelled = labelled.matched(names, parse_pairs(class_map or []))
    elif class_map:
        raise typer.BadParameter("only with --data", param_hint="--map")
    folder = out or Path("engines") / f"{opened.path.name}-int8"
    with _progress() as step:
        tell = step("taking pictures", frames)
        pictures = gather(sources, frames, opened.manifest.size_wh, every, lambda _source, _number: tell())
        done = run(opened, pictures, folder, step, data=labelled, allowed=max_loss)
    if labelled is not None and (told := labelled.unknown_ids()):
        Console(stderr=True).print(f"note: {told}", markup=False, highlight=False)
    record = done.package.manifest.int8
    say = Console().print
    say(table(done.rows))
    if record is not None:
        say(f"int8 costs {record.loss:.2f} points of {record.measure} (limit: {record.allowed:g}); "
            f"{len(record.float_layers)} layers stay in float", highlight=False)  # fmt: skip
    say(f"package: {done.package.path}", markup=False, highlight=False)


@contextmanager
def _progress() -> Iterator[Step]:
    """Bars on standard error, one for each part of the work."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True)) as bars:

        def step(what: str, parts: int) -> Callable[[], None]:
            task = bars.add_task(what, total=parts or None)
            return lambda: bars.advance(task)

        yield step
