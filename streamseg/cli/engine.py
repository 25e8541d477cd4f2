"""`streamseg engine`: the model packages on this machine, and what is compiled of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from streamseg.cli import engine_build, engine_cache
from streamseg.cli.about import about
from streamseg.cli.engine_calibrate import calibrate
from streamseg.cli.engine_tune import tune
from streamseg.cli.wrap import wrap
from streamseg.errors import EngineError, PackageError, StreamsegError

if TYPE_CHECKING:
    from streamseg.inference.backend import BackendName, BackendReport
    from streamseg.inference.package import Package

engine_app = typer.Typer(no_args_is_help=True)
for command in (engine_build.build, calibrate, engine_cache.prune, tune, wrap):
    engine_app.command()(command)
engine_app.command("list")(engine_cache.list_packages)
Name = Annotated[str, typer.Argument(help="model package: a name or a folder")]


@engine_app.command()
def info(name: Name) -> None:
    """Tell what a package is: classes, licence, graphs, measures."""
    from streamseg.inference.package import open_package  # noqa: PLC0415

    package = open_package(name)
    manifest = package.manifest
    typer.echo(f"{about(package)}\nfolder   {package.path}\nsha256   {package.sha256}")
    typer.echo(f"licence  {manifest.license}\ndata     {manifest.data}")
    typer.echo("classes  " + ", ".join(f"{c.id} {c.name}" for c in manifest.classes))
    if record := manifest.int8:
        typer.echo(
            f"int8     costs {record.loss:g} points of {record.measure}, {record.allowed:g} are allowed"
        )
    for mode, figures in manifest.metrics.items():
        shown = {key: value for key, value in figures.items() if isinstance(value, float)}
        typer.echo(f"measured {mode}: " + ", ".join(f"{key} {value:g}" for key, value in shown.items()))


@engine_app.command()
def verify(name: Name) -> None:
    """Check a package's hashes, and run it once on every backend that is usable here."""
    from streamseg.inference.package import open_package  # noqa: PLC0415
    from streamseg.inference.select import usable_backends  # noqa: PLC0415

    package = open_package(name)
    typer.echo(f"{package.manifest.name}: {len(package.graphs)} graphs, hashes as in the manifest")
    runs = {report.name: _verified(package, report) for report in usable_backends()}
    if failed := [backend for backend, ran in runs.items() if ran is False]:
        raise PackageError(f"{package.manifest.name} does not run on {', '.join(failed)}; see above")
    if not any(runs.values()):
        raise EngineError(f"{package.manifest.name} could not be run: no backend is usable here; see above")


def _verified(package: Package, report: BackendReport) -> bool | None:
    """Whether a package runs on a backend; None where the backend is to blame: it is not usable here."""
    if not report.usable:
        typer.echo(f"{report.name}: not usable: {report.why_not}")
        return None
    try:
        typer.echo(f"{report.name}: runs in {_run(package, cast('BackendName', report.name))}")
    except StreamsegError as error:
        typer.echo(f"{report.name}: {error}", err=True)
        return False
    return True


def _run(package: Package, backend: BackendName) -> str:
    """Run every graph once, on a black picture; returns the precision. Raises EngineError, PackageError."""
    import numpy as np  # noqa: PLC0415

    from streamseg.inference.select import load_engine  # noqa: PLC0415

    width, height = package.manifest.size_wh
    engine = load_engine(package, backend)
    try:
        engine.warm_up()
        engine.start(np.zeros((1, height, width, 3), np.uint8)).readout()
    finally:
        engine.close()
    return engine.info.precision
