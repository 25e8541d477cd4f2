"""`streamseg engine`: the model packages on this machine."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer

from streamseg.errors import PackageError, StreamsegError
from streamseg.inference.package import FoundPackage, Package, find_packages, open_package, search_path
from streamseg.inference.select import load_engine, usable_backends

engine_app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="model package: a name or a folder")]


@engine_app.command("list")
def list_packages() -> None:
    """List the packages that can be named."""
    found = find_packages()
    if not found:
        raise PackageError(f"no model package in {', '.join(map(str, search_path()))}")
    for package in found:
        typer.echo(line(package))


@engine_app.command()
def info(name: Name) -> None:
    """Tell what a package is: classes, licence, graphs, measures."""
    package = open_package(name)
    manifest = package.manifest
    typer.echo(f"{about(package)}\nfolder   {package.path}\nsha256   {package.sha256}")
    typer.echo(f"licence  {manifest.license}\ndata     {manifest.data}")
    typer.echo("classes  " + ", ".join(f"{c.id} {c.name}" for c in manifest.classes))
    for mode, figures in manifest.metrics.items():
        shown = {key: value for key, value in figures.items() if isinstance(value, float)}
        typer.echo(f"measured {mode}: " + ", ".join(f"{key} {value:g}" for key, value in shown.items()))


@engine_app.command()
def verify(name: Name) -> None:
    """Check a package's hashes, and run it once on every backend that is usable here."""
    package = open_package(name)
    typer.echo(f"{package.manifest.name}: {len(package.graphs)} graphs, hashes as in the manifest")
    failed = [
        report.name for report in usable_backends() if report.usable and not _runs(package, report.name)
    ]
    if failed:
        raise PackageError(f"{package.manifest.name} does not run on {', '.join(failed)}; see above")


def _runs(package: Package, backend: str) -> bool:
    width, height = package.manifest.size_wh
    try:
        engine = load_engine(package, backend)  # type: ignore[arg-type]  # a name the module itself gave
        engine.warm_up()
        engine.start(np.zeros((1, height, width, 3), np.uint8)).readout()
        engine.close()
    except StreamsegError as error:
        typer.echo(f"{backend}: {error}", err=True)
        return False
    typer.echo(f"{backend}: runs in {engine.info.precision}")
    return True


def line(found: FoundPackage) -> str:
    """One line about what was found on the search path."""
    return about(found.package) if found.package else f"{found.path.name}: not usable: {found.problem}"


def about(package: Package) -> str:
    """One line about a package."""
    manifest = package.manifest
    width, height = manifest.size_wh
    steady = "with stabiliser" if manifest.graphs.stabiliser else "without stabiliser"
    size_mb = sum((package.path / graph.file).stat().st_size for graph in package.graphs.values()) / 1e6
    return (
        f"{manifest.name} {manifest.version}  {width}x{height}, {len(manifest.classes)} classes, {steady}, "
        f"{size_mb:.1f} MB, {manifest.license}"
    )
