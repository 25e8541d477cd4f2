"""ONNX Runtime: the second backend, on the CPU or on another provider asked for by name.

It computes in f32; the segmenter also in int8, where the package has a graph for it and that is faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from streamseg.errors import EngineError
from streamseg.inference.backend import BackendReport, Settings
from streamseg.inference.backends.cpu_engine import Arrays, CpuEngine, HostGraph, least_ms
from streamseg.inference.backends.device_tensor import Place
from streamseg.inference.backends.execution_providers import (
    CPU,
    OTHERS,
    Provider,
    device_name,
    explained,
    why_not,
)
from streamseg.inference.backends.ort_device import DeviceGraph, DeviceTensors, Runtime
from streamseg.inference.backends.ort_session import (
    gpu_of,
    read_model,
    read_session,
    session_options,
    spec_of,
)
from streamseg.inference.cpu_info import cpu_name
from streamseg.inference.engine import EngineInfo, memory_shape
from streamseg.inference.packages.contract import PackageCheck
from streamseg.inference.packages.manifest import GraphFile, GraphRole
from streamseg.inference.packages.package import INT8, Package
from streamseg.inference.precision_benchmark import PrecisionChoice, fastest

NAME = "onnxruntime"


def report() -> BackendReport:
    """What ONNX Runtime can do here."""
    return BackendReport(NAME, usable=True, version=ort.__version__, why_not="", precisions=("f32", INT8))


def load(package: Package, settings: Settings) -> CpuEngine:
    """Loads a package with ONNX Runtime; see `Backend.load`."""
    return _load(package, settings, CPU)


class OnProvider:
    """ONNX Runtime on a provider other than the CPU: a backend of its own name. See `Backend`.

    Args:
        name: A key of `OTHERS`.
    """

    def __init__(self, name: str) -> None:
        self._provider = OTHERS[name]

    def report(self) -> BackendReport:
        """Whether it runs here; tries it."""
        problem = why_not(self._provider)
        usable = not problem
        return BackendReport(
            f"{NAME}-{self._provider.name}",
            usable=usable,
            version=ort.__version__ if usable else "",
            why_not=problem,
            precisions=("f32", INT8) if usable else (),
        )

    def load(self, package: Package, settings: Settings) -> CpuEngine:
        """Loads a package on it, all of it; see `Backend.load`."""
        if problem := why_not(self._provider, gpu_of(settings)):
            raise EngineError(problem)
        return _load(package, settings, self._provider)


def _load(package: Package, settings: Settings, provider: Provider) -> CpuEngine:
    if settings.precision in ("bf16", "f16"):
        raise EngineError(
            f"onnxruntime computes in f32 or int8, not in {settings.precision}; set precision to auto"
            + (", or backend to openvino" if settings.precision == "bf16" else "")
        )
    loader = (_Loader if provider is CPU else _DeviceLoader)(package, settings, provider)
    try:
        return loader.engine()
    except BaseException:
        loader.close()
        raise


class _Loader:
    """The graphs of a package, loaded and checked as they are asked for."""

    def __init__(self, package: Package, settings: Settings, provider: Provider) -> None:
        self._package, self._settings, self._provider = package, settings, provider
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine-ort")
        self._loaded: dict[str, Any] = {}

    def engine(self) -> CpuEngine:
        """The package, loaded."""
        choice = self.choose()
        graphs, info = self.graphs(choice.precision), _info(self._provider, choice, self._settings)
        return CpuEngine(self._package, info, graphs, self.close, self._settings.max_batch)

    def close(self) -> None:
        """End its thread."""
        self._thread.shutdown()

    def choose(self) -> PrecisionChoice:
        """The segmenter's precision; the other graphs have one only."""
        asked, package = self._settings.precision, self._package
        if asked != "auto":
            return PrecisionChoice(asked, f"{asked} as configured")
        if not package.allows_int8:
            return PrecisionChoice("f32", "f32 is what onnxruntime computes in on a CPU")
        graphs = " ".join(package.running(name)[GraphRole.SEGMENTER].sha256 for name in ("f32", INT8))
        key = f"{graphs} {cpu_name()} {NAME} {ort.__version__} {self._settings.threads} threads"
        memo, again = self._settings.memo, self._settings.measure
        return fastest(("f32", INT8), self._time_ms, key, memo, again=again)

    def graphs(self, precision: str) -> dict[GraphRole, HostGraph]:
        """All of them, the segmenter in a precision; one that was timed is not loaded again."""
        check = PackageCheck(self._package, precision)
        graphs: dict[GraphRole, HostGraph] = {}
        for role, entry in self._package.running(precision).items():
            graph = graphs[role] = self._graph(role, entry)
            check.graph(role, graph.spec)
        return graphs

    def _graph(self, role: GraphRole, entry: GraphFile) -> Any:
        if entry.file not in self._loaded:
            self._loaded[entry.file] = self._open(role, entry)
        return self._loaded[entry.file]

    def _open(self, role: GraphRole, entry: GraphFile) -> Any:
        # not by the file's name: it may hold other bytes than those that were hashed
        content, path = self._package.read(role, entry), self._package.path / entry.file
        return OrtGraph(read_session(content, path, self._settings), self._thread)

    def _time_ms(self, precision: str) -> float:
        width, height = self._package.manifest.size_wh
        role = GraphRole.SEGMENTER
        graph = self._graph(role, self._package.running(precision)[role])
        return least_ms(graph, {"image": np.zeros((1, height, width, 3), np.uint8)})


class _DeviceLoader(_Loader):
    """The same on another provider: N fixed, and what passes between the graphs left on the device."""

    def __init__(self, package: Package, settings: Settings, provider: Provider) -> None:
        super().__init__(package, settings, provider)
        place = Place(provider.memory, settings.gpu if provider.is_nvidia else 0)
        self._runtime = Runtime(self._session, place, self._thread)
        self._given: dict[str, tuple[int | str | None, ...]] = {}
        self._file = package.path  # of the graph in hand, for errors
        self._opened: dict[Path, tuple[GraphRole, GraphFile]] = {}
        self._tensors: DeviceTensors | None = None

    def engine(self) -> CpuEngine:
        """The package, loaded."""
        choice, package, settings = self.choose(), self._package, self._settings
        graphs, info = self.graphs(choice.precision), _info(self._provider, choice, settings)
        most = min(settings.max_batch, package.manifest.max_batch or settings.max_batch)
        memory = memory_shape(package, 1)[1:] if GraphRole.STABILISER in graphs else None
        self._tensors = DeviceTensors(self._runtime, memory, most)
        return CpuEngine(package, info, graphs, self.close, most, self._tensors)

    def close(self) -> None:
        """End its thread, free what does not belong to a graph."""
        super().close()
        if self._tensors is not None:
            self._tensors.close()

    def choose(self) -> PrecisionChoice:
        """Nothing is timed: what pays on a CPU is none of a device's business."""
        asked = self._settings.precision
        if asked == "auto":
            return PrecisionChoice("f32", "f32 is what the graphs are in")
        return PrecisionChoice(asked, f"{asked} as configured")

    def _open(self, role: GraphRole, entry: GraphFile) -> DeviceGraph:
        self._file = path = self._package.path / entry.file
        self._opened[path] = role, entry
        model = read_model(self._package.read(role, entry), path, self._settings)
        return DeviceGraph(self._runtime, model, self._given)

    def _session(self, model: Path | bytes, sizes: Mapping[str, int]) -> ort.InferenceSession:
        options = session_options(self._settings)
        for name, size in sizes.items():
            options.add_free_dimension_override_by_name(name, size)
        if not isinstance(model, Path):
            return read_session(model, self._file, self._settings, self._provider, options)
        content = self._package.read(*self._opened[model])  # hashed again: it may be long after the start
        return read_session(content, model, self._settings, self._provider, options)


def _info(provider: Provider, choice: PrecisionChoice, settings: Settings) -> EngineInfo:
    if provider is CPU:
        name, device = NAME, cpu_name()
    else:
        name, device = f"{NAME}-{provider.name}", device_name(provider, gpu_of(settings))
    return EngineInfo(name, choice.precision, device, ort.__version__, choice.why, choice.times_ms)


@contextmanager
def opened(model: Path | bytes, path: Path, settings: Settings) -> Iterator[OrtGraph]:
    """One graph by itself, for whoever takes a package apart; freed when the context ends.

    Args:
        model: A file, or an ONNX model's bytes.
        path: The file that errors name.
        settings: As for `load`; the precision is f32.

    Raises:
        PackageError: The graph cannot be read.
    """
    session = read_session(model, path, settings)
    with ThreadPoolExecutor(1, thread_name_prefix="engine-ort") as thread:
        yield OrtGraph(session, thread)


class OrtGraph:
    """A session; its runs are awaited on the engine's own thread, so that the caller's is free meanwhile."""

    def __init__(self, session: ort.InferenceSession, thread: ThreadPoolExecutor) -> None:
        self._session = session
        self._thread = thread
        self.spec = spec_of(session)
        self._inputs = [node.name for node in session.get_inputs()]
        self._outputs = [node.name for node in session.get_outputs()]

    def start(self, feeds: Arrays) -> OrtPending:
        """See `HostGraph.start`."""
        inputs = {name: feeds[name] for name in self._inputs}
        return OrtPending(self._thread.submit(self._run, inputs))

    def _run(self, inputs: Arrays) -> Arrays:
        outputs: list[NDArray[Any]] = self._session.run(self._outputs, inputs)
        return dict(zip(self._outputs, outputs, strict=True))


class OrtPending:
    """A run of a session."""

    def __init__(self, future: Future[Arrays]) -> None:
        self._future = future

    def result(self) -> Arrays:
        """See `Pending.result`."""
        try:
            return self._future.result()
        except Exception as error:
            raise EngineError(f"ONNX Runtime failed: {explained(error)}") from error
