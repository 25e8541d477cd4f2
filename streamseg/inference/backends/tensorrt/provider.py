"""TensorRT as a backend: whether it works here, and a package loaded on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from streamseg.errors import EngineError, MissingExtraError
from streamseg.inference.backend import BackendReport, Progress, Settings
from streamseg.inference.backends.cpu_engine import one_line
from streamseg.inference.backends.tensorrt.build import Batches, BuildRequest
from streamseg.inference.backends.tensorrt.cuda import Device, pop_current
from streamseg.inference.backends.tensorrt.driver import DriverState, Gpu, context_problem, probe
from streamseg.inference.backends.tensorrt.engine import TensorRtEngine
from streamseg.inference.backends.tensorrt.logger import LogCollector
from streamseg.inference.backends.tensorrt.plan import CudaGraphs, Plan
from streamseg.inference.backends.tensorrt.plan_cache import Plans
from streamseg.inference.backends.tensorrt.prepare import prepared
from streamseg.inference.cache.key import Machine
from streamseg.inference.cache.store import CompileCache
from streamseg.inference.engine import EngineInfo
from streamseg.inference.packages.contract import PackageCheck
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import INT8, Package

PRECISIONS = ("f16", "f32", INT8)
_OLDEST = 10  # TensorRT's major version
_CUDA_MAJORS = ("11", "12", "13", "14")  # as in tensorrt-cu13


@dataclass(frozen=True, slots=True)
class TensorRt:
    """One of the two libraries.

    Attributes:
        name: The backend's name in a configuration.
        module: The Python module, and the extra that installs it.
        extra: The extra of this package that brings it.
        least: The oldest compute capability it runs on.
        leaves_out: Newer ones that it does not run on.
    """

    name: str
    module: str
    extra: str
    least: tuple[int, int]
    leaves_out: tuple[tuple[int, int], ...] = ()

    def report(self) -> BackendReport:
        """See `Backend.report`."""
        why_not = self._why_not(probe()) or context_problem()
        version = "" if why_not else str(import_module(self.module).__version__)
        return BackendReport(self.name, not why_not, version, why_not, () if why_not else PRECISIONS)

    def load(self, package: Package, settings: Settings) -> TensorRtEngine:
        """See `Backend.load`; builds what is not in the cache first, in this process."""
        return self._engine(package, settings, CompileCache(settings.cache))

    def machine(self) -> Machine:
        """See `Builder.machine`. Raises EngineError where it is not usable."""
        state = probe()
        if why_not := self._why_not(state):
            raise EngineError(f"{self.name} is not usable: {why_not}")
        gpu, version = state.gpus[0], str(import_module(self.module).__version__)
        capability, driver = ".".join(map(str, gpu.capability)), f"{state.driver}, CUDA {state.cuda}"
        return Machine(self.name, version, gpu.name, capability, driver)

    def missing(self, package: Package, settings: Settings) -> tuple[str, ...]:
        """See `SlowBuilder.missing`."""
        precision, _ = chosen(settings.precision, self.name)
        return self._plans(package, precision, settings.max_batch, CompileCache(settings.cache)).missing()

    def build(self, package: Package, settings: Settings, progress: Progress) -> EngineInfo:
        """See `Builder.build`; the first load is part of it, for that can crash too."""
        engine = self._engine(package, settings, CompileCache(settings.cache, strict=True), progress)
        try:
            engine.warm_up()
        finally:
            engine.close()
        return engine.info

    def _engine(
        self, package: Package, settings: Settings, store: CompileCache, progress: Progress | None = None
    ) -> TensorRtEngine:
        precision, why = chosen(settings.precision, self.name)
        here = self.machine()
        plans = self._plans(package, precision, settings.max_batch, store).obtain(progress)
        info = EngineInfo(self.name, precision, here.device, here.version, why)
        trt, driver = import_module(self.module), import_module("pycuda.driver")
        graphs = _cuda_graphs() if settings.cuda_graphs else None
        return open_plans(trt, driver, package, plans, info, graphs=graphs)

    def _plans(self, package: Package, precision: str, most: int, store: CompileCache) -> Plans:
        here, trt = self.machine(), import_module(self.module)
        asked = requests(package, precision, most, tactic_limit_mb(probe().gpus[0]))
        return Plans(trt, here, store, package, asked, precision)

    def _why_not(self, state: DriverState) -> str:
        """Why it cannot be used; asked in an order in which nothing crashes."""
        if not state.usable:
            return state.why_not
        gpu = state.gpus[0]
        have, need = (".".join(map(str, pair)) for pair in (gpu.capability, self.least))
        if gpu.capability < self.least:
            return f"{gpu.name} has compute capability {have}, {self.name} needs {need}"
        if gpu.capability in self.leaves_out:
            return f"{gpu.name} has compute capability {have}, which {self.name} leaves out"
        for module, extra in ((self.module, self.extra), ("pycuda", "cuda"), ("onnx", self.extra)):
            if find_spec(module) is None:
                return f"{module} is not installed: pip install 'streamseg[{extra}]'"
        return state.too_old_for(built_for(self.module), self.module) or self._not_imported()

    def _not_imported(self) -> str:
        """Which module is there and of no use: its libraries are not there, or are of another CUDA."""
        try:
            version = str(import_module(self.module).__version__)
        except (ImportError, OSError, RuntimeError, AttributeError) as error:
            return f"{self.module} is installed but cannot be imported: {one_line(error)}"
        if not self._new_enough(version):
            return f"{self.module} is {version}, too old: 10 or newer is needed"
        try:
            import_module("pycuda.driver")
        except (ImportError, OSError, RuntimeError, AttributeError) as error:
            again = "pip install --force-reinstall --no-cache-dir 'streamseg[cuda]' builds it again"
            return f"pycuda is installed but cannot be imported ({one_line(error)}); {again}"
        return ""

    def _new_enough(self, version: str) -> bool:
        return self.module != "tensorrt" or int(version.partition(".")[0]) >= _OLDEST


STANDARD = TensorRt("tensorrt", "tensorrt", "tensorrt", (7, 5))
# RTX is for workstations: on an H200 (9.0) it builds plans and then refuses to load them; Blackwell of data
# centres and the Jetsons are not in its support matrix either (docs.nvidia.com/deeplearning/tensorrt-rtx).
NO_RTX = ((8, 7), (9, 0), (10, 0), (10, 1), (10, 3), (11, 0))
RTX = TensorRt("tensorrt_rtx", "tensorrt_rtx", "tensorrt-rtx", (7, 5), NO_RTX)


def built_for(module: str) -> str:
    """The major version of CUDA that an installed library is for, as its package says; empty: unknown."""
    package = module.replace("_", "-")
    found = [name for name in _CUDA_MAJORS if _is_installed(f"{package}-cu{name}")]
    return found[0] if len(found) == 1 else ""


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _cuda_graphs() -> Any:
    try:
        return import_module("cuda.bindings.driver")
    except ImportError as error:
        raise MissingExtraError("engine.cuda_graphs", "cuda-graphs") from error


def chosen(asked: str, backend: str) -> tuple[str, str]:
    """The precision to build in, and half a sentence why.

    Raises:
        EngineError: It is none of a GPU's.
    """
    if asked == "auto":
        return "f16", "f16 for the convolutions, f32 for places, gates and memory"
    if asked not in PRECISIONS:
        raise EngineError(f"{backend} computes in f16, f32 or int8, not in {asked}; set precision to auto")
    return asked, f"{asked} as configured"


def graph_precision(role: GraphRole, precision: str) -> str:
    """What a graph is built in: the segmenter alone has one in int8."""
    return "f16" if precision == INT8 and role is not GraphRole.SEGMENTER else precision


def tactic_limit_mb(gpu: Gpu) -> int:
    """How much memory a builder may take to try a kernel, MiB; 0: TensorRT's own limit.

    That is three quarters of the memory, which on a Jetson is the CPU's too: a quarter there.
    """
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4 >> 20 if gpu.integrated else 0


def requests(
    package: Package, precision: str, most: int, tactic_mb: int = 0
) -> dict[GraphRole, BuildRequest]:
    """What has to be built for a package, in the order in which it is loaded.

    Args:
        package: The package.
        precision: What the segmenter computes in.
        most: The largest batch; tuned for one picture, as live streams come.
        tactic_mb: See `BuildRequest`.

    Raises:
        PackageError: A graph cannot be read, or there is none in int8.
        EngineError: `onnx` is not installed.
    """
    most = min(most, package.manifest.max_batch or most)
    return {
        role: BuildRequest(
            prepared(
                package.read(role, entry),
                str(package.path / entry.file),
                graph_precision(role, precision),
            ),
            _name(package, role),
            graph_precision(role, precision),
            Batches(1, 1, most),
            tactic_mb=tactic_mb,
        )
        for role, entry in package.running(precision).items()
    }


def open_plans(
    trt: Any,
    driver: Any,
    package: Package,
    plans: Mapping[GraphRole, bytes],
    info: EngineInfo,
    pop: Callable[[], None] = pop_current,
    graphs: Any = None,
) -> TensorRtEngine:
    """Load plans onto the GPU.

    Args:
        trt: The module `tensorrt` or `tensorrt_rtx` that built them.
        driver: The module `pycuda.driver`.
        package: The package they were built from.
        plans: The plans. They can carry code: from our own cache alone, with a matching checksum.
        info: What is told about the engine; its precision must be the plans'.
        pop: For `Device`.
        graphs: The module `cuda.bindings.driver`, to run as CUDA graphs.

    Raises:
        PackageError: A graph breaks the contract.
        EngineError: A plan is none for this TensorRT, GPU or precision, or the GPU's memory is full.
    """
    device = Device(driver, pop)
    try:
        with device.current():
            return _opened(trt, device, package, plans, info, graphs)
    except BaseException:
        device.close()
        raise


def _opened(
    trt: Any,
    device: Device,
    package: Package,
    plans: Mapping[GraphRole, bytes],
    info: EngineInfo,
    graphs: Any,
) -> TensorRtEngine:
    words, check = LogCollector(trt), PackageCheck(package, info.precision)
    held = [
        words.made(f"{package.manifest.name}: TensorRT's runtime does not start", trt.Runtime, words.sink)
    ]
    captured = None if graphs is None else CudaGraphs(graphs, device.memory)
    loaded: dict[GraphRole, Plan] = {}
    try:
        for role, content in plans.items():
            label = f"{_name(package, role)} {graph_precision(role, info.precision)}"
            loaded[role] = Plan(trt, held[0], words, content, label, captured)
            check.graph(role, loaded[role].spec)
        return TensorRtEngine(package, info, device, loaded, held.clear)
    except BaseException:
        # the error holds on to what was loaded, which must not outlive its context
        for plan in loaded.values():
            plan.close()
        held.clear()
        raise


def _name(package: Package, role: GraphRole) -> str:
    return f"{package.manifest.name}/{role}"
