"""`streamseg doctor`: what this machine can do, and why the rest is not usable."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import typer

from streamseg import __version__
from streamseg.cli.about import line
from streamseg.errors import EngineError, PackageError
from streamseg.inference.cache.folder import cache_folder
from streamseg.inference.cores import cpu_features, cpu_name, physical_cores

if TYPE_CHECKING:
    from streamseg.inference.backend import BackendReport

_LIBRARIES = (
    "numpy",
    "opencv-python-headless",
    "av",
    "pyzmq",
    "pydantic",
    "openvino",
    "onnxruntime",
    "zstandard",
    "torch",
)
_OFFLINE = ("torch",)


def doctor() -> None:
    """Tell versions, processor, backends and model packages; fails where the daemon could not run.

    Ends with 78 where there is no model package, as the daemon would; else with 1 where no backend is usable.
    """
    _say("streamseg", f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    for name in _LIBRARIES:
        _say(name, _version(name))
    _say("processor", f"{cpu_name()}, {physical_cores()} cores, {os.cpu_count()} threads")
    _say("features", ", ".join(cpu_features()) or "none known")
    usable = _backends()
    found = _packages()
    _say("cache", _cache())
    if not (usable and found):
        fault = EngineError if found else PackageError
        raise fault(f"the daemon cannot run here: {_lacking(usable=usable, found=found)}; see above")


def _say(what: str, text: str) -> None:
    typer.echo(f"{what:28} {text}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed" + (" (only the trainer needs it)" if name in _OFFLINE else "")


def _backends() -> bool:
    from streamseg.inference.select import usable_backends  # noqa: PLC0415

    reports = usable_backends()
    for report in reports:
        _say(f"backend {report.name}", _able(report))
    return any(report.usable for report in reports)


def _able(report: BackendReport) -> str:
    return f"{report.version}, {' or '.join(report.precisions)}" if report.usable else f"no: {report.why_not}"


def _packages() -> bool:
    from streamseg.inference.package import find_packages, search_path  # noqa: PLC0415

    packages = find_packages()
    for package in packages:
        _say(f"engine {package.path.name}", line(package))
    if not packages:
        _say("engine", f"none in {', '.join(map(str, search_path())) or 'any folder'}")
    return any(found.package for found in packages)


def _cache() -> str:
    folder = cache_folder(None)
    return str(folder) if folder else "not writable: every start compiles again; set engine.cache_dir"


def _lacking(*, usable: bool, found: bool) -> str:
    lacks = (("no backend is usable", usable), ("there is no model package", found))
    return " and ".join(what for what, there in lacks if not there)
