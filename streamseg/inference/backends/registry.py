"""Which backends work here, and the choice among them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import cast, get_args

from streamseg.errors import EngineError
from streamseg.inference.backend import Backend, BackendName, BackendReport, Precision, Settings
from streamseg.inference.backends.cpu_engine import one_line
from streamseg.inference.backends.tensorrt.driver import probe
from streamseg.inference.cache.folder import cache_folder
from streamseg.inference.cpu_info import physical_cores
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.package import INT8, Package

_LOG = logging.getLogger(__name__)

# The modules are imported when they are asked for: each brings a library of a hundred megabytes.
_MODULES = {
    "tensorrt": "streamseg.inference.backends.tensorrt.standard",
    "tensorrt_rtx": "streamseg.inference.backends.tensorrt.rtx",
    "openvino": "streamseg.inference.backends.openvino",
    "onnxruntime": "streamseg.inference.backends.ort",
}
_GPU = ("tensorrt", "tensorrt_rtx")
_NVIDIA = (*_GPU, "onnxruntime-cuda", "onnxruntime-tensorrt")  # the CPU's threads have no part in them
CPU: tuple[BackendName, ...] = ("openvino", "onnxruntime")
# ONNX Runtime on other providers: never the choice of `auto`, which wants what works everywhere.
_PROVIDERS = [name for name in get_args(BackendName) if name.startswith("onnxruntime-")]


def usable_backends() -> list[BackendReport]:
    """Every backend this daemon knows, usable or not, the preferred first."""
    return [_report(name) for name in (*_MODULES, *_PROVIDERS)]


def cpu_backends() -> list[BackendReport]:
    """The usable ones that compute on the CPU, the preferred first.

    Raises:
        EngineError: There is none.
    """
    reports = [_report(name) for name in _MODULES if name not in _GPU]
    if usable := [report for report in reports if report.usable]:
        return usable
    raise EngineError("; ".join(f"backend {one.name} is not usable: {one.why_not}" for one in reports))


def usable_or_none(name: str) -> object:
    """The module of a backend; None where it is not usable, or none of ours."""
    return _module(name) if name in _MODULES and _report(name).usable else None


def modules(wanted: BackendName) -> Iterator[Backend]:
    """The module of a backend, or with `auto` those it tries, in turn; without what cannot be imported."""
    for name in _MODULES if wanted == "auto" else [wanted]:
        try:
            module = _module(name)
        except (ImportError, OSError, RuntimeError):
            continue
        yield module


def usable_module(wanted: BackendName) -> tuple[str, Backend]:
    """A backend with its module; `auto` is the first that is usable.

    Raises:
        EngineError: It is not usable, or none is.
    """
    names = list(_MODULES) if wanted == "auto" else [wanted]
    reasons: list[str] = []
    for name in names:
        report = _report(name)
        if report.usable:
            return name, _module(name)
        reasons.append(f"backend {name} is not usable: {report.why_not}")
    raise EngineError("; ".join(reasons))


def load_engine(
    package: Package,
    backend: BackendName = "auto",
    precision: Precision = "auto",
    threads: int = 0,
    cache_dir: Path | None = None,
    max_batch: int = 1,
    cuda_graphs: bool = False,
    gpu: int = 0,
    gpu_memory_limit_mb: int = 0,
    *,
    measure: bool = False,
) -> InferenceEngine:
    """Compiles a package for this machine and logs what was taken and why.

    Args:
        package: The package, its hashes verified (`open_package`).
        backend: `auto` takes the first that is usable and can load the package.
        precision: `auto` takes the fastest the package allows, measured at the first start.
        threads: 0: one a physical core.
        cache_dir: Where compiled models are kept; None: the user's cache folder.
        max_batch: Most pictures that will be computed at once.
        cuda_graphs: Run as CUDA graphs where the backend can.
        gpu: Which NVIDIA GPU, for ONNX Runtime's providers.
        gpu_memory_limit_mb: The most memory a graph may take of it, MiB; 0: all. For the same.
        measure: Measure what `auto` goes by again, although it is remembered.

    Raises:
        PackageError: A graph cannot be read or breaks the contract.
        EngineError: No backend can do it.
    """
    cores, folder = threads or physical_cores(), cache_folder(cache_dir)
    settings = Settings(precision, cores, folder, measure, max_batch, cuda_graphs, gpu, gpu_memory_limit_mb)
    engine, why = (
        _first(package, settings)
        if backend == "auto"
        else (_load(backend, package, settings), "as configured")
    )
    info = engine.info
    if info.precision == INT8 and (why_not := package.why_not_int8()):
        _LOG.warning("engine %s: computes in int8, although %s", package.manifest.name, why_not)
    _LOG.info(
        "engine %s: %s %s (%s), %s (%s), %son %s",
        package.manifest.name,
        info.backend,
        info.version,
        why,
        info.precision,
        info.why,
        "" if info.backend in _NVIDIA else f"{settings.threads} threads ",
        info.device,
    )
    return engine


def _first(package: Package, settings: Settings) -> tuple[InferenceEngine, str]:
    failures: list[str] = []
    for name in _candidates():
        try:
            engine = _load(name, package, settings)
        except EngineError as error:
            failures.append(f"{name}: {error}")
            continue
        where = "with this GPU" if name in _GPU else "on a CPU"
        return engine, f"because {'; '.join(failures)}" if failures else f"the first choice {where}"
    raise EngineError(f"no backend can load {package.manifest.name}: {'; '.join(failures)}")


def _candidates() -> list[str]:
    """What `auto` tries, in turn: a GPU's backends only where they work."""
    reports = [_report(name) for name in _MODULES if name in _GPU]
    usable = [report.name for report in reports if report.usable]
    if reports and not usable and probe().found:  # without a driver, nobody misses a GPU
        _LOG.info("no GPU is used: backend %s is not usable: %s", reports[0].name, reports[0].why_not)
    return [*usable, *(name for name in _MODULES if name not in _GPU)]


def _load(name: str, package: Package, settings: Settings) -> InferenceEngine:
    try:
        return _module(name).load(package, settings)
    except (ImportError, OSError, RuntimeError) as error:
        raise EngineError(f"backend {name} is not usable: {one_line(error)}") from error


def _report(name: str) -> BackendReport:
    try:
        return _module(name).report()
    except (ImportError, OSError, RuntimeError) as error:
        return BackendReport(name, usable=False, version="", why_not=one_line(error), precisions=())


def _module(name: str) -> Backend:
    base, _, provider = name.partition("-")
    module = import_module(_MODULES[base])
    return cast("Backend", module.OnProvider(provider) if provider else module)
