"""ONNX Runtime: the second backend, f32 everywhere; on the CPU, or on another provider asked for by name."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import BackendReport, Settings
from streamseg.inference.contract import ANY, GraphSpec, PackageCheck, TensorSpec
from streamseg.inference.cores import cpu_name
from streamseg.inference.engine import EngineInfo
from streamseg.inference.host import Arrays, HostEngine, one_line
from streamseg.inference.package import Package
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
    return BackendReport(NAME, usable=True, version=ort.__version__, why_not="", precisions=("f32",))


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
            precisions=("f32",) if usable else (),
        )

    def load(self, package: Package, settings: Settings) -> HostEngine:
        """Loads a package on it, all of it; see `Backend.load`."""
        return _load(package, settings, self._provider)


def _load(package: Package, settings: Settings, provider: Provider) -> HostEngine:
    if settings.precision == "bf16":
        raise EngineError(
            "onnxruntime computes in f32 on a CPU; set precision to f32 or auto, or backend to openvino"
        )
    thread = ThreadPoolExecutor(1, thread_name_prefix="engine-ort")
    check, graphs = PackageCheck(package), {}
    for role, entry in package.engine_graphs.items():
        path = package.path / entry.file
        session = _read(path, path, settings, provider)
        graphs[role] = OrtGraph(session, thread)
        check.graph(role, graphs[role].spec)
    return HostEngine(package, _info(provider), graphs, free=thread.shutdown)


def _info(provider: Provider) -> EngineInfo:
    if provider is CPU:
        why = "f32 is what onnxruntime computes in on a CPU"
        return EngineInfo(NAME, "f32", cpu_name(), ort.__version__, why)
    why = "f32 is what the graphs are in"
    return EngineInfo(f"{NAME}-{provider.name}", "f32", provider.name, ort.__version__, why)


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
