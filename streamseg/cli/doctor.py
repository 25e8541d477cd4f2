"""`streamseg doctor`: what works on this machine, and why the rest does not."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from streamseg import __version__
from streamseg.cli.output import say
from streamseg.cli.package_summary import line
from streamseg.errors import EngineError, PackageError
from streamseg.inference.cache.folder import cache_folder
from streamseg.inference.cpu_info import cpu_features, cpu_name, physical_cores

if TYPE_CHECKING:
    from streamseg.inference.backend import BackendReport

_LIBRARIES = (
    "numpy",
    "opencv-python-headless",
    "av",
    "pyzmq",
    "pydantic",
    "openvino",
    "zstandard",
    "torch",
)
_OFFLINE = ("torch",)
_MISSING = "not installed"
# builds of ONNX Runtime: each installs the module `onnxruntime`, so there may be one of them
_ONNX_RUNTIMES = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-migraphx",
    "onnxruntime-qnn",
)


def doctor() -> None:
    """Show versions, processor, backends and model packages; fails if the daemon cannot run here.

    Exit code 78: there is no model package, as for the daemon. Exit code 1: no backend is usable.
    """
    _say("streamseg", f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    for name in _LIBRARIES:
        _say(name, _version(name))
    _say_onnx_runtime()
    _say("processor", f"{cpu_name()}, {physical_cores()} cores, {os.cpu_count()} threads")
    _say("features", ", ".join(cpu_features()) or "none known")
    _say("GPU", _gpus())
    usable = _backends()
    found = _packages()
    _say("cache", _cache())
    if not (usable and found):
        fault = EngineError if found else PackageError
        raise fault(f"the daemon cannot run here: {_lacking(usable=usable, found=found)}; see above")


def _say(what: str, text: str) -> None:
    say(f"{what:28} {text}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return _MISSING + (" (only the trainer needs it)" if name in _OFFLINE else "")


def _say_onnx_runtime() -> None:
    """Which build of it is there; several write over each other's files."""
    builds = {name: _version(name) for name in _ONNX_RUNTIMES}
    there = {name: text for name, text in builds.items() if not text.startswith(_MISSING)}
    for name, text in (there or {"onnxruntime": builds["onnxruntime"]}).items():
        several = " (one of several: uninstall all of them, then install one)" if len(there) > 1 else ""
        _say(name, text + several)


def _gpus() -> str:
    """NVIDIA's, as the driver tells; or why none can be used."""
    from streamseg.inference.backends.tensorrt.driver import context_problem, probe  # noqa: PLC0415

    state = probe()
    if problem := state.why_not or context_problem():
        return f"no: {problem}"
    names = ", ".join(gpu.name for gpu in state.gpus)
    return f"{names}; driver {state.driver or 'unknown'}, CUDA {state.cuda}"


def _backends() -> bool:
    from streamseg.inference.backends.registry import usable_backends  # noqa: PLC0415

    reports = usable_backends()
    for report in reports:
        _say(f"backend {report.name}", _able(report))
    return any(report.usable for report in reports)


def _able(report: BackendReport) -> str:
    return f"{report.version}, {' or '.join(report.precisions)}" if report.usable else f"no: {report.why_not}"


def _packages() -> bool:
    from streamseg.inference.packages.package import find_packages, search_path  # noqa: PLC0415

    packages = find_packages()
    for package in packages:
        _say(f"model {package.path.name}", line(package))
    if not packages:
        _say("model", f"none in {', '.join(map(str, search_path())) or 'any folder'}")
    return any(found.package for found in packages)


def _cache() -> str:
    folder = cache_folder(None)
    return str(folder) if folder else "not writable: every start compiles again; set engine.cache_dir"


def _lacking(*, usable: bool, found: bool) -> str:
    lacks = (("no backend is usable", usable), ("there is no model package", found))
    return " and ".join(what for what, there in lacks if not there)
