"""`streamseg model tune`: which precision is fastest on this machine, measured now."""

from __future__ import annotations

import json as json_format
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from streamseg.inference.backend import BackendName, BackendReport
    from streamseg.inference.engine import EngineInfo
    from streamseg.inference.packages.package import Package


def tune(
    name: Annotated[str, typer.Argument(help="model package: name or folder")],
    *,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0: one per physical core")] = 0,
    cache_dir: Annotated[
        Path | None, typer.Option(help="cache folder, as engine.cache_dir (default: the user's cache)")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Benchmark every precision on this machine, and store the result for `precision: auto`."""
    from streamseg.inference.backends.registry import cpu_backends  # noqa: PLC0415
    from streamseg.inference.packages.package import open_package  # noqa: PLC0415

    package = open_package(name)
    found = [_measured(package, report, threads, cache_dir) for report in cpu_backends()]
    if json:
        typer.echo(json_format.dumps([_plain(info) for info in found], indent=1))
        return
    for info in found:
        typer.echo(f"{info.backend} {info.version}: {info.precision} ({info.why})")
    if why := package.why_not_int8():
        typer.echo(f"int8 was skipped: {why}")


def _measured(package: Package, report: BackendReport, threads: int, cache_dir: Path | None) -> EngineInfo:
    from streamseg.inference.backends.registry import load_engine  # noqa: PLC0415

    backend = cast("BackendName", report.name)
    engine = load_engine(package, backend, threads=threads, cache_dir=cache_dir, measure=True)
    with closing(engine):
        return engine.info


def _plain(info: EngineInfo) -> dict[str, object]:
    times_ms = {name: round(ms, 3) for name, ms in info.times_ms.items()}
    return {
        "backend": info.backend,
        "version": info.version,
        "device": info.device,
        "precision": info.precision,
        "segmenter_ms": times_ms,
    }
