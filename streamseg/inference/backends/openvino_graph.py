"""A graph compiled by OpenVINO for the batches it is given, and its inferences under way.

NumPy arrays go in and come out without a copy (`ov.Tensor(..., shared_memory=True)`), also from one graph to
the next. Compiled graphs are kept in our own store, not in OpenVINO's `CACHE_DIR`, which runs a file with a
flipped bit in its weights without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from streamseg.errors import EngineError
from streamseg.inference.backends.cpu_engine import Arrays, one_line
from streamseg.inference.cache.key import CacheKey, Origin
from streamseg.inference.cache.store import CompileCache

DEVICE = "CPU"
WAIT_S = 20.0  # for another process that compiles the same; then it is compiled twice


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the compiled forms of a graph are kept; their keys differ in the batch size alone."""

    store: CompileCache
    key: CacheKey
    origin: Origin


class OpenVinoGraph:
    """A graph, compiled for each batch size as it is asked for: static shapes run faster than dynamic."""

    def __init__(
        self, core: ov.Core, model: ov.Model, options: Mapping[str, Any], kept: Kept, path: Path
    ) -> None:
        self._core = core
        self._model = model
        self._options = dict(options)
        self._kept = kept
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
                self._batches[size] = _Batch(self._obtain(size), self._model)
            except RuntimeError as error:
                raise EngineError(f"{self._path}: OpenVINO cannot compile it: {one_line(error)}") from error
        return self._batches[size]

    def _obtain(self, size: int) -> ov.CompiledModel:
        kept, key = self._kept, replace(self._kept.key, profile=str(size))
        return kept.store.obtain(key, kept.origin, lambda: self._compile(size), _export, self._import, WAIT_S)

    def _compile(self, size: int) -> ov.CompiledModel:
        model = self._model.clone()
        model.reshape({port: _sized(port.partial_shape, size) for port in model.inputs})
        return self._core.compile_model(model, DEVICE, self._options)

    def _import(self, plan: memoryview) -> ov.CompiledModel:
        try:
            return self._core.import_model(bytes(plan), DEVICE, self._options)
        except RuntimeError as error:
            raise ValueError(f"OpenVINO refuses it: {one_line(error)}") from error


def _export(compiled: ov.CompiledModel) -> bytes:
    try:
        return bytes(compiled.export_model().getbuffer())
    except RuntimeError as error:
        raise ValueError(f"OpenVINO gives nothing that can be kept: {one_line(error)}") from error


def _sized(shape: ov.PartialShape, size: int) -> ov.PartialShape:
    return ov.PartialShape([size, *list(shape)[1:]])


class _Batch:
    """A graph compiled for one batch size, and the requests that wait to be used."""

    def __init__(self, compiled: ov.CompiledModel, model: ov.Model) -> None:
        self._compiled = compiled
        # compiled ports may have several names: that of a node optimised away goes to its neighbour
        self._inputs = [name_of(port) for port in model.inputs]
        self._outputs = [
            (name_of(named), tuple(port.shape), port.element_type.to_dtype())
            for named, port in zip(model.outputs, compiled.outputs, strict=True)
        ]
        self._idle: list[ov.InferRequest] = []

    def blank(self) -> Arrays:
        """Inputs of zeros."""
        ports = zip(self._inputs, self._compiled.inputs, strict=True)
        return {name: np.zeros(tuple(port.shape), port.element_type.to_dtype()) for name, port in ports}

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


def name_of(port: Any) -> str:
    """What a port is called in the graph; empty where it has no name."""
    name: str = next(iter(sorted(port.names)), "")
    return name


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
