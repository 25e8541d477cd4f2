"""`streamseg doctor`: what this machine can do, and why the rest is not usable."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer

from streamseg import __version__
from streamseg.cli.engine import line
from streamseg.errors import PackageError
from streamseg.inference.backend import BackendReport
from streamseg.inference.cache import cache_folder
from streamseg.inference.package import find_packages, search_path
from streamseg.inference.select import usable_backends

_LIBRARIES = (
    "numpy",
    "opencv-python-headless",
    "av",
    "pyzmq",
    "openvino",
    "onnxruntime",
    "zstandard",
    "torch",
)
_FEATURES = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "bf16",
)


def doctor() -> None:
    """Tell versions, processor, backends and model packages; fails where the daemon could not run."""
    typer.echo(f"streamseg  {__version__} on Python {platform.python_version()}, {platform.platform()}")
    for name in _LIBRARIES:
        typer.echo(f"{name:22} {_version(name)}")
    typer.echo(f"processor  {os.cpu_count()} threads; {', '.join(cpu_features()) or 'no features known'}")
    usable = _backends()
    found = _packages()
    _cache()
    if not (usable and found):
        raise PackageError("the daemon cannot run here: " + _lacking(usable, found))


def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> list[str]:
    """The processor's features that matter for speed, as Linux names them; none where it does not say."""
    try:
        words = set(cpuinfo.read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return []
    return [feature for feature in _FEATURES if feature in words]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed" + (" (only the trainer needs it)" if name == "torch" else "")


def _backends() -> bool:
    reports = usable_backends()
    for report in reports:
        can = (
            f"{report.version}, {' or '.join(report.precisions)}"
            if report.usable
            else f"no: {report.why_not}"
        )
        typer.echo(f"backend    {report.name}: {can}")
    return any(report.usable for report in reports)


def _able(report: BackendReport) -> str:
    return f"{report.version}, {' or '.join(report.precisions)}" if report.usable else f"no: {report.why_not}"


def _packages() -> bool:
    packages = find_packages()
    for package in packages:
        typer.echo(f"engine     {line(package)}")
    if not packages:
        typer.echo(f"engine     none in {', '.join(map(str, search_path()))}")
    return any(found.package for found in packages)


def _cache() -> None:
    folder = cache_folder(None)
    typer.echo(f"cache      {folder}" if folder else "cache      not writable: every start compiles again")


def _lacking(usable: bool, found: bool) -> str:
    return " and ".join(
        what for what, there in (("no backend", usable), ("no model package", found)) if not there
    )
