"""An engine of graphs that take and give arrays: everything OpenVINO and ONNX Runtime have in common.

A backend brings `HostGraph`s, which take and give NumPy arrays without copying them; this module chains
them into the `InferenceEngine` protocol, checks what goes in and what comes out. What passes between two
graphs (logits, features, memory) may be another kind of array, on a device: then the backend brings the
`Tensors` that handle it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamseg.errors import EngineError
from streamseg.inference.engine import EngineInfo, EngineMemory, Masks, graph_of, memory_shape, run_once
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package
from streamseg.inference.readout import read_out
from streamseg.text import printable
from streamseg.types import F32, U8

TRIALS = 3  # inferences in a row that a graph is timed with; the first brings its data into the cache
Arrays: TypeAlias = Mapping[str, Any]  # NumPy's, or what the backend's `Tensors` handle


class Pending(Protocol):
    """A graph at work."""

    def result(self) -> Arrays:
        """Waits for the outputs, by name; the same arrays again when called again.

        Raises:
            EngineError: The backend failed.
        """


class HostGraph(Protocol):
    """A graph compiled by a backend for the CPU."""

    def start(self, feeds: Arrays) -> Pending:
        """Starts on C-contiguous inputs by name, all of one batch size, and returns at once.

        The inputs must not change until the result is there; the outputs are fresh arrays.
        """


class Tensors(Protocol):
    """How to handle what passes between graphs: each with `dtype` and `shape`, as NumPy's arrays have."""

    def finite(self, tensor: Any) -> bool:
        """Whether it is free of NaN and infinity."""

    def to_host(self, tensor: Any) -> F32:
        """It as an array of NumPy's."""

    def contiguous(self, tensor: Any) -> Any:
        """It as a graph takes it."""

    def join(self, tensors: Sequence[Any]) -> Any:
        """All rows `[N, …]` of some tensors, in order."""

    def split(self, tensor: Any) -> list[Any]:
        """Its rows, each `[1, …]`."""


class HostTensors:
    """NumPy's arrays; see `Tensors`."""

    def finite(self, tensor: F32) -> bool:
        """See `Tensors.finite`."""
        return all_finite(tensor)

    def to_host(self, tensor: F32) -> F32:
        """See `Tensors.to_host`."""
        return tensor

    def contiguous(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """See `Tensors.contiguous`."""
        return np.ascontiguousarray(tensor)

    def join(self, tensors: Sequence[F32]) -> F32:
        """See `Tensors.join`."""
        return np.concatenate(tensors)

    def split(self, tensor: F32) -> list[F32]:
        """See `Tensors.split`."""
        return [tensor[index : index + 1] for index in range(len(tensor))]


class CpuEngine:
    """A package on a backend of `HostGraph`s.

    Args:
        package: The package.
        info: What is told about the backend.
        graphs: The compiled graphs, the segmenter among them.
        free: Frees the backend's resources.
        max_batch: Most pictures that will come at once: what `warm_up` prepares for.
        tensors: Handle what passes between the graphs.
    """

    def __init__(
        self,
        package: Package,
        info: EngineInfo,
        graphs: Mapping[GraphRole, HostGraph],
        free: Callable[[], None] = lambda: None,
        max_batch: int = 1,
        tensors: Tensors | None = None,
    ) -> None:
        self.package = package
        self.info = info
        self.tensors = HostTensors() if tensors is None else tensors
        self._graphs = dict(graphs)
        self._free = free
        self._max_batch = min(max_batch, package.manifest.max_batch or max_batch)

    def start(self, image: U8) -> HostRun:
        """See `InferenceEngine.start`."""
        manifest = self.package.manifest
        width, height = manifest.size_wh
        if manifest.max_batch is not None and len(image) > manifest.max_batch:
            raise EngineError(
                f"{manifest.name}: takes {manifest.max_batch} pictures at once, not {len(image)}"
            )
        require("image", image, np.uint8, (len(image), height, width, 3))
        return HostRun(self, self.graph(GraphRole.SEGMENTER).start({"image": np.ascontiguousarray(image)}))

    def read_out(self, logits: F32) -> Masks:
        """See `InferenceEngine.read_out`."""
        if GraphRole.READOUT not in self._graphs:
            return read_out(self.tensors.to_host(logits), self.package.manifest.size_wh)
        feeds = {"logits": self.tensors.contiguous(logits)}
        return _masks(self.graph(GraphRole.READOUT).start(feeds).result())

    def fresh_memory(self, batch: int = 1) -> EngineMemory:
        """See `InferenceEngine.fresh_memory`."""
        return EngineMemory(np.zeros(memory_shape(self.package, batch), np.float32), batch)

    def memory_is_finite(self, memory: EngineMemory) -> bool:
        """See `InferenceEngine.memory_is_finite`."""
        return self.tensors.finite(memory.state)

    def join_memories(self, memories: Sequence[EngineMemory]) -> EngineMemory:
        """See `InferenceEngine.join_memories`."""
        state = self.tensors.join([memory.state for memory in memories])
        return EngineMemory(state, len(state))

    def split_memory(self, memory: EngineMemory) -> list[EngineMemory]:
        """See `InferenceEngine.split_memory`."""
        return [EngineMemory(state, 1) for state in self.tensors.split(memory.state)]

    def warm_up(self) -> None:
        """See `InferenceEngine.warm_up`."""
        for batch in range(1, self._max_batch + 1):
            run_once(self, batch, stabilise=GraphRole.STABILISER in self._graphs)

    def close(self) -> None:
        """See `InferenceEngine.close`."""
        self._graphs.clear()
        self._free()

    def graph(self, role: GraphRole) -> HostGraph:
        """The compiled graph of a role. Raises EngineError where there is none, or after `close`."""
        return graph_of(self.package, self._graphs, role)


class HostRun:
    """A run of a `CpuEngine`; see `Run`."""

    def __init__(self, engine: CpuEngine, pending: Pending) -> None:
        self._engine = engine
        self._pending = pending
        self._started_s = time.perf_counter()
        self._outputs: Arrays | None = None
        self.infer_ms = 0.0

    def wait(self) -> None:
        """See `Run.wait`."""
        self._segmented()

    def logits(self) -> F32:
        """See `Run.logits`."""
        return self._engine.tensors.to_host(self._segmented()["logits"])

    def readout(self) -> Masks:
        """See `Run.readout`."""
        return self._engine.read_out(self._segmented()["logits"])

    def stabilise(self, guide: F32, flow: F32, memory: EngineMemory) -> tuple[Masks, EngineMemory]:
        """See `Run.stabilise`."""
        graph = self._engine.graph(GraphRole.STABILISER)
        segmented = self._segmented()
        outputs = graph.start({**segmented, **self._past(guide, flow, memory)}).result()
        return _masks(outputs), EngineMemory(outputs["memory_out"], memory.batch)

    def _segmented(self) -> Arrays:
        if self._outputs is None:
            outputs = self._pending.result()
            self.infer_ms = (time.perf_counter() - self._started_s) * 1e3
            if not self._engine.tensors.finite(outputs["logits"]):
                raise EngineError(f"{self._engine.package.manifest.name}: NaN or infinity in the logits")
            self._outputs = outputs
        return self._outputs

    def _past(self, guide: F32, flow: F32, memory: EngineMemory) -> Arrays:
        batch, channels, height, width = memory_shape(self._engine.package, len(self._segmented()["logits"]))
        feeds = {"guide": guide, "flow": flow, "memory": memory.state}
        for (name, array), count in zip(feeds.items(), (1, 2, channels), strict=True):
            require(name, array, np.float32, (batch, count, height, width))
        return {name: self._engine.tensors.contiguous(array) for name, array in feeds.items()}


def all_finite(array: F32) -> bool:
    """Whether an array of moderate values is free of NaN and infinity; one pass, no temporary.

    A sum carries any NaN or infinity in it. Values whose finite sum would overflow (1e30 and more) count as
    not finite, which no logit or memory in working order comes near.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.isfinite(np.add.reduce(array, axis=None)))


def least_ms(graph: HostGraph, feeds: Arrays) -> float:
    """The least of some inferences, milliseconds: the one that was disturbed least."""
    times_s = []
    for _ in range(TRIALS):
        began_s = time.perf_counter()
        graph.start(feeds).result()
        times_s.append(time.perf_counter() - began_s)
    return min(times_s) * 1e3


def one_line(error: BaseException) -> str:
    """What a library's exception says, without its chain of source files: the last line, 300 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return printable((lines[-1] if lines else type(error).__name__)[:300])  # it may quote names of the graph


def _masks(outputs: Arrays) -> Masks:
    return Masks(outputs["labels"], outputs["confidence"])


def require(name: str, array: NDArray[Any], dtype: type, shape: tuple[int, ...]) -> None:
    """Raises EngineError where an array has another type or shape."""
    if array.dtype != dtype or array.shape != shape:
        raise EngineError(
            f"{name} is {array.dtype} {list(array.shape)}, must be {np.dtype(dtype)} {list(shape)}"
        )
