"""`streamseg model`: the model packages on this machine, and what is compiled of them; `engine` until 0.2."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, cast

import typer

from streamseg.cli import model_build, model_list
from streamseg.cli.convert import convert
from streamseg.cli.model_calibrate import calibrate
from streamseg.cli.model_tune import tune
from streamseg.cli.output import say, warn_renamed
from streamseg.cli.package_summary import about
from streamseg.errors import EngineError, PackageError, StreamsegError

if TYPE_CHECKING:
    from streamseg.inference.backend import BackendName
    from streamseg.inference.packages.package import Package

Name = Annotated[str, typer.Argument(help="model package: name or folder")]


def info(name: Name) -> None:
    """Show the classes, licence, hash and metrics of a package."""
    from streamseg.inference.packages.package import open_package  # noqa: PLC0415

    package = open_package(name)
    manifest = package.manifest
    say(f"{about(package)}\nfolder   {package.path}\nsha256   {package.sha256}")
    say(f"licence  {manifest.license}\ndata     {manifest.data}")
    say("classes  " + ", ".join(f"{c.id} {c.name}" for c in manifest.classes))
    if record := manifest.int8:
        measure = "agreement with the original int8 network" if record.measure == "source" else record.measure
        say(f"int8     costs {record.loss:g} points of {measure} (limit: {record.allowed:g})")
    for mode, figures in manifest.metrics.items():
        shown = {key: value for key, value in figures.items() if isinstance(value, float)}
        say(f"measured {mode}: " + ", ".join(f"{key} {value:g}" for key, value in shown.items()))


def verify(name: Name) -> None:
    """Verify the hashes of a package, and run it once on every usable backend.

    Exit code 78: the package is damaged or does not run. Exit code 1: no backend is usable.
    """
    from streamseg.inference.backends.registry import usable_backends  # noqa: PLC0415
    from streamseg.inference.packages.package import open_package  # noqa: PLC0415

    package = open_package(name)
    say(f"{package.manifest.name}: {len(package.graphs)} graphs, hashes as in the manifest")
    reports = usable_backends()
    ran = {report.name: _verified(package, report.name) for report in reports if report.usable}
    if others := [report.name for report in reports if not report.usable]:
        say(f"not usable here: {', '.join(others)} (streamseg doctor says why)")
    if failed := [backend for backend, fine in ran.items() if not fine]:
        raise PackageError(f"{package.manifest.name} does not run on {', '.join(failed)}; see above")
    if not ran:
        raise EngineError(f"{package.manifest.name} could not be run: no backend is usable here")


def _verified(package: Package, backend: str) -> bool:
    """Whether a package runs on a backend."""
    try:
        say(f"{backend}: runs in {_run(package, cast('BackendName', backend))}")
    except StreamsegError as error:
        say(f"{backend}: {error}", err=True)
        return False
    return True


def _run(package: Package, backend: BackendName) -> str:
    """Run every graph once, on a black picture; returns the precision. Raises EngineError, PackageError."""
    import numpy as np  # noqa: PLC0415

    from streamseg.inference.backends.registry import load_engine  # noqa: PLC0415

    width, height = package.manifest.size_wh
    engine = load_engine(package, backend)
    try:
        engine.warm_up()
        engine.start(np.zeros((1, height, width, 3), np.uint8)).readout()
    finally:
        engine.close()
    return engine.info.precision


def _commands(converter: str, former: Callable[[typer.Context], None] | None = None) -> typer.Typer:
    """The commands about packages.

    Args:
        converter: What `convert` is called.
        former: Called before each of them.
    """
    group = typer.Typer(no_args_is_help=True, callback=former)
    group.command("list")(model_list.list_packages)
    for command in (info, verify, model_build.build, calibrate, tune, model_list.prune):
        group.command()(command)
    group.command(converter)(convert)
    return group


def _warn_former(context: typer.Context) -> None:
    """Former name of `streamseg model`."""
    old = context.invoked_subcommand or ""
    warn_renamed(f"streamseg engine {old}", f"streamseg model {_RENAMED.get(old, old)}")


_RENAMED = {"wrap": "convert"}
model_app = _commands("convert")
engine_app = _commands("wrap", _warn_former)
