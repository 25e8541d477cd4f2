"""OpenVINO on the CPU: the default backend.

The segmenter computes in bf16 where that is the faster. The other graphs stay in f32: they carry sampling
coordinates and a memory that lives for thousands of frames. NumPy arrays go in and come out without
a copy (`ov.Tensor(..., shared_memory=True)`), also from one graph to the next.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import BackendReport, Settings
from streamseg.inference.contract import ANY, GraphSpec, PackageCheck, TensorSpec
from streamseg.inference.cores import cpu_name
from streamseg.inference.engine import EngineInfo
from streamseg.inference.host import Arrays, HostEngine, one_line
from streamseg.inference.manifest import GraphRole
from streamseg.inference.package import Package
from streamseg.inference.precision import Choice, fastest

NAME = "openvino"
DEVICE = "CPU"
RECURRENT_PRECISION = "f32"  # of stabiliser and readout
TRIALS = 12  # inferences that a precision is timed with
_DTYPES = {"u8": "uint8", "f32": "float32", "f16": "float16", "i64": "int64"}

_LOG = logging.getLogger(__name__)


def report() -> BackendReport:
    """What OpenVINO can do here."""
    precisions = ("bf16", "f32") if _computes_bf16(ov.Core()) else ("f32",)
    return BackendReport(NAME, usable=True, version=_version(), why_not="", precisions=precisions)


def load(package: Package, settings: Settings) -> HostEngine:
    """Compiles a package with OpenVINO; see `Backend.load`."""
    core = ov.Core()
    if settings.cache is not None:
        core.set_property({"CACHE_DIR": str(settings.cache / NAME)})
    check, models = PackageCheck(package), {}
    for role, entry in package.graphs.items():
        models[role] = _read(core, package.path / entry.file)
        check.graph(role, _spec(models[role]))

    def graph(role: GraphRole, precision: str) -> OpenVinoGraph:
        path = package.path / package.graphs[role].file
        made = OpenVinoGraph(core, models[role], _options(precision, settings), path)
        made.batch(1)
        return made

    segmenter = cache(partial(graph, GraphRole.SEGMENTER))  # one that was timed is not compiled again
    choice = _choose(core, settings, package, segmenter)
    graphs: dict[GraphRole, OpenVinoGraph] = {GraphRole.SEGMENTER: segmenter(choice.precision)}
    graphs |= {role: graph(role, RECURRENT_PRECISION) for role in models if role not in graphs}
    info = EngineInfo(NAME, choice.precision, cpu_name(), _version(), choice.why)
    return HostEngine(package, info, graphs)


def _choose(
    core: ov.Core, settings: Settings, package: Package, segmenter: Callable[[str], OpenVinoGraph]
) -> Choice:
    able = _computes_bf16(core)
    if settings.precision == "bf16" and not able:
        raise EngineError("this CPU does not compute in bf16; set precision to f32 or auto")
    if settings.precision != "auto":
        return Choice(settings.precision, f"{settings.precision} as configured")
    if not able:
        return Choice("f32", "this CPU has no bf16")
    width, height = package.manifest.size_wh
    image = np.zeros((1, height, width, 3), np.uint8)
    memo = None if settings.cache is None else settings.cache / "precision.json"
    key = f"{package.sha256} {cpu_name()} {NAME} {_version()} {settings.threads} threads"
    return fastest(("bf16", "f32"), lambda name: _time_ms(segmenter(name), image), key, memo)


def _time_ms(graph: OpenVinoGraph, image: NDArray[np.uint8]) -> float:
    """The least of some inferences, milliseconds: the one that was disturbed least."""
    times_s = []
    for _ in range(TRIALS):
        began_s = time.perf_counter()
        graph.start({"image": image}).result()
        times_s.append(time.perf_counter() - began_s)
    return min(times_s) * 1e3


def _computes_bf16(core: ov.Core) -> bool:
    # The plugin lists BF16 also where it only emulates it; its own default tells where that is faster.
    capable = "BF16" in core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    return capable and core.get_property(DEVICE, "INFERENCE_PRECISION_HINT") == ov.Type.bf16


def _read(core: ov.Core, path: Path) -> ov.Model:
    try:
        return core.read_model(path)
    except RuntimeError as error:
        raise PackageError(f"{path}: OpenVINO cannot read it: {one_line(error)}") from error


def _options(precision: str, settings: Settings) -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": settings.threads,
    }


def _spec(model: ov.Model) -> GraphSpec:
    return GraphSpec(tuple(map(_tensor_spec, model.inputs)), tuple(map(_tensor_spec, model.outputs)))


def _tensor_spec(port: Any) -> TensorSpec:
    shape, type_name = port.partial_shape, port.element_type.get_type_name()
    sizes = (ANY if size.is_dynamic else size.get_length() for size in shape) if shape.rank.is_static else ()
    return TensorSpec(_name(port), _DTYPES.get(type_name, type_name), tuple(sizes))


def _name(port: Any) -> str:
    name: str = next(iter(sorted(port.names)), "")
    return name


def _version() -> str:
    return str(ov.__version__).partition("-")[0]


class OpenVinoGraph:
    """A graph, compiled for each batch size as it is asked for: static shapes run faster than dynamic."""

    def __init__(self, core: ov.Core, model: ov.Model, options: Mapping[str, Any], path: Path) -> None:
        self._core = core
        self._model = model
        self._options = dict(options)
        self._path = path
        self._batches: dict[int, _Batch] = {}

    def start(self, feeds: Arrays) -> OpenVinoPending:
        """See `HostGraph.start`."""
        size = len(next(iter(feeds.values())))
        return self.batch(size).start(feeds)

    def batch(self, size: int) -> _Batch:
        """The graph for a batch size, compiled on first use. Raises EngineError."""
        if size not in self._batches:
            try:
                self._batches[size] = _Batch(self._compile(size))
            except RuntimeError as error:
                raise EngineError(f"{self._path}: OpenVINO cannot compile it: {one_line(error)}") from error
        return self._batches[size]

    def _compile(self, size: int) -> ov.CompiledModel:
        model = self._model.clone()
        model.reshape({port: _sized(port.partial_shape, size) for port in model.inputs})
        try:
            return self._core.compile_model(model, DEVICE, self._options)
        except RuntimeError as error:
            # a full disk or a damaged file in the cache must not keep the daemon from starting
            _LOG.warning("%s: trying without the cache: %s", self._path, one_line(error))
            return self._core.compile_model(model, DEVICE, {**self._options, "CACHE_DIR": ""})


def _sized(shape: ov.PartialShape, size: int) -> ov.PartialShape:
    return ov.PartialShape([size, *list(shape)[1:]])


class _Batch:
    """A graph compiled for one batch size, and the requests that wait to be used."""

    def __init__(self, compiled: ov.CompiledModel) -> None:
        self._compiled = compiled
        self._inputs = {_name(port): index for index, port in enumerate(compiled.inputs)}
        self._outputs = [
            (_name(port), tuple(port.shape), port.element_type.to_dtype()) for port in compiled.outputs
        ]
        self._idle: list[ov.InferRequest] = []

    def start(self, feeds: Arrays) -> OpenVinoPending:
        request = self._idle.pop() if self._idle else self._compiled.create_infer_request()
        inputs = [_writeable(feeds[name]) for name in self._inputs]
        outputs = {name: np.empty(shape, dtype) for name, shape, dtype in self._outputs}
        for index, array in enumerate(inputs):
            request.set_input_tensor(index, ov.Tensor(array, shared_memory=True))
        for index, array in enumerate(outputs.values()):
            request.set_output_tensor(index, ov.Tensor(array, shared_memory=True))
        request.start_async()
        return OpenVinoPending(request, inputs, outputs, self._idle)


def _writeable(array: NDArray[Any]) -> NDArray[Any]:
    # ov.Tensor refuses to share what is read-only, although inputs are only read
    return array if array.flags.writeable else array.copy()


class OpenVinoPending:
    """A request at work; it goes back to the idle ones when its result was taken, or with this object."""

    def __init__(self, request: Any, inputs: list[Any], outputs: Arrays, idle: list[Any]) -> None:
        self._request: Any = request
        self._inputs = inputs  # must outlive the inference: the request reads them in place
        self._outputs = outputs
        self._idle = idle

    def result(self) -> Arrays:
        """See `Pending.result`."""
        request, self._request = self._request, None
        if request is not None:
            try:
                request.wait()
            except RuntimeError as error:
                raise EngineError(f"OpenVINO failed: {one_line(error)}") from error
            finally:
                self._idle.append(request)
                self._inputs.clear()
        return self._outputs

    def __del__(self) -> None:
        # a run nobody waited for still reads its inputs and writes its outputs
        if self._request is not None:
            self._request.wait()
            self._idle.append(self._request)
