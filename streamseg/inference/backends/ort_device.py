"""ONNX Runtime on a device: graphs of a fixed batch size, whose tensors stay where they are computed.

With the batch open, some nodes of a graph only compute shapes, which ONNX Runtime keeps on the CPU; once the
batch is fixed they are constants, and every node runs on the device. So each batch size has a session of its
own, opened when it first occurs: an engine's `warm_up` goes through all of them before the first frame.

Pictures, guide and flow are copied to the device, labels and confidence back (IO binding). Logits, features
and memory are bound there: a stream's memory is written to new memory of the device each time, and the one
before it is free again once nobody holds it. Whether they are free of NaN and infinity is seen on the device
too, by their sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import onnxruntime as ort

from streamseg.errors import EngineError
from streamseg.inference.backends.cpu_engine import Arrays
from streamseg.inference.backends.device_tensor import DeviceSession, DeviceTensor, Place, finite_rows
from streamseg.inference.backends.execution_providers import explained
from streamseg.inference.backends.one_node_graphs import CONCAT, SUM
from streamseg.inference.packages.contract import FEATURES, GraphSpec
from streamseg.types import F32

_CHECKED = frozenset({"logits", "memory_out"})  # that must be free of NaN and infinity
_STAYS = _CHECKED | {FEATURES}  # what the next graph or the next frame reads
_READ = _STAYS | {"labels", "confidence"}
_PLANES = ("C", "H", "W")  # names of dimensions in `one_node_graphs`

_Result = TypeVar("_Result")
# Opens a session of a graph (a file, or an ONNX model's bytes) with named dimensions fixed.
Opener: TypeAlias = Callable[[Path | bytes, Mapping[str, int]], ort.InferenceSession]


@dataclass(frozen=True, slots=True)
class Model:
    """A graph as it is in its file.

    Attributes:
        path: The file.
        spec: Its tensors.
        names: The dimensions of its inputs: a number, a name, or None.
    """

    path: Path
    spec: GraphSpec
    names: Mapping[str, tuple[int | str | None, ...]]


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the graphs of an engine share.

    Attributes:
        open: Opens a session on the device.
        place: Where its tensors lie.
        thread: What runs, runs there, so that the caller's is free meanwhile.
    """

    open: Opener
    place: Place
    thread: ThreadPoolExecutor

    def session(self, model: Path | bytes, sizes: Mapping[str, int]) -> DeviceSession:
        """A session of a graph, its named dimensions fixed."""
        return DeviceSession(self.open(model, sizes), self.place)


class DeviceGraph:
    """One graph of a package, with a session for each batch size; see `HostGraph`.

    Args:
        runtime: The engine's.
        model: The graph.
        given: The dimensions of what the segmenter gives, by name; the segmenter's graph puts them there.

    Raises:
        EngineError: The device cannot run all of it, or its memory is full.
    """

    def __init__(
        self, runtime: Runtime, model: Model, given: dict[str, tuple[int | str | None, ...]]
    ) -> None:
        self.spec = model.spec
        self._runtime, self._model, self._given = runtime, model, given
        self._sessions: dict[int, tuple[DeviceSession, dict[str, DeviceSession]]] = {}
        self._for(1)

    def start(self, feeds: Arrays) -> DevicePending:
        """See `HostGraph.start`; what passes between graphs are `DeviceTensor`s."""
        return DevicePending(self._runtime.thread.submit(self._run, feeds))

    def _run(self, feeds: Arrays) -> Arrays:
        session, checks = self._for(len(feeds[self.spec.inputs[0].name]))
        wanted = [name for name in session.outputs if name in _READ]
        outputs = session.run(feeds, wanted, _STAYS)
        return {
            name: self._tensor(value, checks.get(name)) if name in _STAYS else value
            for name, value in outputs.items()
        }

    def _tensor(self, value: ort.OrtValue, check: DeviceSession | None) -> DeviceTensor:
        tensor = DeviceTensor(value, self._runtime.place, range(value.shape()[0]))
        if check is not None:
            sums = check.run({"x": tensor}, ["y"], ())["y"]
            tensor.finite = tuple(map(bool, np.isfinite(sums)))
        return tensor

    def _for(self, batch: int) -> tuple[DeviceSession, dict[str, DeviceSession]]:
        """The session for a batch size, and those that sum up what must be finite."""
        if batch not in self._sessions:
            session = self._runtime.session(self._model.path, self._sizes(batch))
            shapes = session.outputs
            checks = {name: self._sum(shapes[name]) for name in _CHECKED & shapes.keys()}
            self._given.update({name: shapes[name] for name in ("logits", FEATURES) if name in shapes})
            self._sessions[batch] = session, checks
        return self._sessions[batch]

    def _sizes(self, batch: int) -> dict[str, int]:
        """What each named dimension is: the batch, or what the segmenter gives there."""
        sizes: dict[str, int] = {}
        for tensor, names in self._model.names.items():
            given = (batch, *self._given.get(tensor, ())[1:])
            found = {name: size for name, size in zip(names, given, strict=False) if isinstance(name, str)}
            sizes.update({name: size for name, size in found.items() if isinstance(size, int)})
        return sizes

    def _sum(self, shape: Sequence[int | str | None]) -> DeviceSession:
        sizes = {
            name: size for name, size in zip(("N", *_PLANES), shape, strict=True) if isinstance(size, int)
        }
        return self._runtime.session(SUM, sizes)


class DevicePending:
    """A run on the device."""

    def __init__(self, future: Future[Arrays]) -> None:
        self._future = future

    def result(self) -> Arrays:
        """See `Pending.result`."""
        return _awaited(self._future)


class DeviceTensors:
    """What passes between graphs on a device; see `Tensors`.

    Args:
        runtime: The engine's.
        memory: Of one stream, `(M, h', w')`; None where the package has no stabiliser.
        max_batch: The most streams whose memories are joined.
    """

    def __init__(self, runtime: Runtime, memory: tuple[int, int, int] | None, max_batch: int) -> None:
        self._runtime = runtime
        self._joints: dict[tuple[int, ...], DeviceSession] = {}
        if memory is not None:
            for rows in range(1, max_batch):
                self._joint(rows, 1, memory)

    def finite(self, tensor: Any) -> bool:
        """See `Tensors.finite`; what a graph gave was looked at on the device."""
        return all(finite_rows(tensor))

    def to_host(self, tensor: Any) -> F32:
        """See `Tensors.to_host`."""
        return np.asarray(tensor, np.float32)

    def contiguous(self, tensor: Any) -> Any:
        """See `Tensors.contiguous`."""
        return tensor if isinstance(tensor, DeviceTensor) else np.ascontiguousarray(tensor)

    def split(self, tensor: Any) -> list[Any]:
        """See `Tensors.split`; in place."""
        if isinstance(tensor, DeviceTensor):
            return [tensor.row(index) for index in range(len(tensor))]
        return [tensor[index : index + 1] for index in range(len(tensor))]

    def join(self, tensors: Sequence[Any]) -> Any:
        """See `Tensors.join`; in place where the rows lie side by side, else copied on the device."""
        joined, *others = tensors
        for other in others:
            in_place = joined.extended(other) if isinstance(joined, DeviceTensor) else None
            joined = in_place or _awaited(self._runtime.thread.submit(self._copied, joined, other))
        return joined

    def close(self) -> None:
        """Free its sessions."""
        self._joints.clear()

    def _copied(self, first: Any, second: Any) -> DeviceTensor:
        session = self._joint(len(first), len(second), first.shape[1:])
        value = session.run({"a": first, "b": second}, ["y"], ("y",))["y"]
        finite = finite_rows(first) + finite_rows(second)
        return DeviceTensor(value, self._runtime.place, range(len(finite)), finite)

    def _joint(self, first: int, second: int, planes: tuple[int, int, int]) -> DeviceSession:
        """The session that puts so many rows before so many others."""
        key = (first, second, *planes)
        if key not in self._joints:
            sizes = {"A": first, "B": second, "N": first + second, **dict(zip(_PLANES, planes, strict=True))}
            self._joints[key] = self._runtime.session(CONCAT, sizes)
        return self._joints[key]


def _awaited(future: Future[_Result]) -> _Result:
    try:
        return future.result()
    except EngineError:
        raise
    except Exception as error:  # ONNX Runtime's share no base class but this
        raise EngineError(f"ONNX Runtime failed: {explained(error)}") from error
