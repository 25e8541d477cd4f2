"""ONNX Runtime: the second backend, on the CPU or on another provider asked for by name.

It computes in f32; the segmenter also in int8, where the package has a graph for it and that is faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import BackendReport, Settings
from streamseg.inference.contract import ANY, GraphSpec, PackageCheck, TensorSpec
from streamseg.inference.cores import cpu_name
from streamseg.inference.engine import EngineInfo
from streamseg.inference.host import Arrays, HostEngine, least_ms, one_line
from streamseg.inference.manifest import GraphFile, GraphRole
from streamseg.inference.package import INT8, Package
from streamseg.inference.precision import Choice, fastest
from streamseg.inference.providers import CPU, OTHERS, Provider, open_session, why_not

NAME = "onnxruntime"
_DTYPES = {
    "tensor(uint8)": "uint8",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
}


def report() -> BackendReport:
    """What ONNX Runtime can do here."""
    return BackendReport(NAME, usable=True, version=ort.__version__, why_not="", precisions=("f32", INT8))


def load(package: Package, settings: Settings) -> HostEngine:
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

    def load(self, package: Package, settings: Settings) -> HostEngine:
        """Loads a package on it, all of it; see `Backend.load`."""
        if problem := why_not(self._provider):
            raise EngineError(problem)
        return _load(package, settings, self._provider)


def _load(package: Package, settings: Settings, provider: Provider) -> HostEngine:
    if settings.precision in ("bf16", "f16"):
        raise EngineError(
            f"onnxruntime computes in f32 or int8, not in {settings.precision}; set precision to auto"
            + (", or backend to openvino" if settings.precision == "bf16" else "")
        )
    loader = _Loader(package, settings, provider)
    choice = loader.choose()
    graphs, info = loader.graphs(choice.precision), _info(provider, choice)
    return HostEngine(package, info, graphs, loader.close, settings.max_batch)


class _Loader:
    """The graphs of a package, loaded and checked as they are asked for."""

    def __init__(self, package: Package, settings: Settings, provider: Provider) -> None:
        self._package, self._settings, self._provider = package, settings, provider
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine-ort")
        self._loaded: dict[str, OrtGraph] = {}
        self.close = self._thread.shutdown

    def choose(self) -> Choice:
        """The segmenter's precision; the other graphs have one only."""
        asked, package = self._settings.precision, self._package
        if asked != "auto":
            return Choice(asked, f"{asked} as configured")
        if not package.allows_int8 or self._provider is not CPU:
            where = "onnxruntime computes in on a CPU" if self._provider is CPU else "the graphs are in"
            return Choice("f32", f"f32 is what {where}")
        graphs = " ".join(package.running(name)[GraphRole.SEGMENTER].sha256 for name in ("f32", INT8))
        key = f"{graphs} {cpu_name()} {NAME} {ort.__version__} {self._settings.threads} threads"
        memo, again = self._settings.memo, self._settings.measure
        return fastest(("f32", INT8), self._time_ms, key, memo, again=again)

    def graphs(self, precision: str) -> dict[GraphRole, OrtGraph]:
        """All of them, the segmenter in a precision; one that was timed is not loaded again."""
        check = PackageCheck(self._package, precision)
        graphs = {}
        for role, entry in self._package.running(precision).items():
            graphs[role] = self._graph(entry)
            check.graph(role, graphs[role].spec)
        return graphs

    def _graph(self, entry: GraphFile) -> OrtGraph:
        if entry.file not in self._loaded:
            path = self._package.path / entry.file
            session = _read(path, path, self._settings, self._provider)
            self._loaded[entry.file] = OrtGraph(session, self._thread)
        return self._loaded[entry.file]

    def _time_ms(self, precision: str) -> float:
        width, height = self._package.manifest.size_wh
        graph = self._graph(self._package.running(precision)[GraphRole.SEGMENTER])
        return least_ms(graph, {"image": np.zeros((1, height, width, 3), np.uint8)})


def _info(provider: Provider, choice: Choice) -> EngineInfo:
    on_cpu = provider is CPU
    name, device = (NAME, cpu_name()) if on_cpu else (f"{NAME}-{provider.name}", provider.name)
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
    session = _read(model, path, settings)
    with ThreadPoolExecutor(1, thread_name_prefix="engine-ort") as thread:
        yield OrtGraph(session, thread)


def _read(
    model: Path | bytes, path: Path, settings: Settings, provider: Provider = CPU
) -> ort.InferenceSession:
    try:
        return open_session(model, _options(settings), provider)
    except EngineError:
        raise
    except Exception as error:  # its exceptions share no base class but this
        if provider is CPU:
            raise PackageError(f"{path}: ONNX Runtime cannot load it: {one_line(error)}") from error
        raise EngineError(
            f"{path}: onnxruntime-{provider.name} cannot run all of it: {one_line(error)}"
        ) from error


def _options(settings: Settings) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3  # errors
    # the graphs take turns: threads of one that spin after its run would take the cores from the next
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _tensor_spec(node: Any) -> TensorSpec:
    shape = tuple(size if isinstance(size, int) else ANY for size in node.shape)
    return TensorSpec(node.name, _DTYPES.get(node.type, node.type), shape)


class OrtGraph:
    """A session; its runs are awaited on the engine's own thread, so that the caller's is free meanwhile."""

    def __init__(self, session: ort.InferenceSession, thread: ThreadPoolExecutor) -> None:
        self._session = session
        self._thread = thread
        sides = session.get_inputs(), session.get_outputs()
        self.spec = GraphSpec(*(tuple(map(_tensor_spec, side)) for side in sides))
        self._inputs, self._outputs = ([node.name for node in side] for side in sides)

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
            raise EngineError(f"ONNX Runtime failed: {one_line(error)}") from error
