"""Runs of a plan as CUDA graphs: what was put into the stream kernel by kernel goes there as one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from streamseg.errors import EngineError

MOST = 32  # graphs of one plan: two rows a stream, and the slots of a few runs under way


@dataclass(slots=True)
class _Entry:
    """A context, bound to one set of buffers, and the graph captured from it; None before its second run."""

    context: Any
    graph: Any = None


class CudaGraphCache:
    """The graphs of one plan, one for each set of buffers; the one used longest ago makes room.

    A context must not be changed any more once a graph was captured from it, so each has one of its own.
    Used inside `Device.current()` alone.

    Args:
        driver: The module `cuda.bindings.driver` of cuda-python.
        make: Makes a context.
        most: How many graphs are kept.
    """

    def __init__(self, driver: Any, make: Callable[[], Any], most: int = MOST) -> None:
        self._driver, self._make, self._most = driver, make, most
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def run(
        self, key: Hashable, stream: int, bind: Callable[[Any], None], execute: Callable[[Any], None]
    ) -> None:
        """Put a run into the stream.

        Args:
            key: What tells one set of buffers from another.
            stream: The stream's handle.
            bind: Tells a fresh context its shapes and buffers.
            execute: Puts a context's run into the stream.

        Raises:
            EngineError: CUDA refused; or what `bind` and `execute` raise.
        """
        entry = self._entries.get(key)
        if entry is None:
            # the first run is a plain one: TensorRT settles things in it that no capture may hold
            entry = _Entry(self._make())
            bind(entry.context)
            execute(entry.context)
            self._keep(key, entry, stream)
            return
        self._entries.move_to_end(key)
        if entry.graph is None:
            entry.graph = self._captured(stream, lambda: execute(entry.context))
        _require(self._driver.cuGraphLaunch(entry.graph, stream))

    def close(self) -> None:
        """Free the graphs, and the contexts."""
        while self._entries:
            self._free(self._entries.popitem()[1])

    def _captured(self, stream: int, execute: Callable[[], None]) -> Any:
        mode = self._driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        _require(self._driver.cuStreamBeginCapture(stream, mode))
        try:
            execute()
        except EngineError:
            self._driver.cuStreamEndCapture(stream)  # else the stream would take nothing any more
            raise
        recorded = _require(self._driver.cuStreamEndCapture(stream))
        graph = _require(self._driver.cuGraphInstantiate(recorded, 0))
        _require(self._driver.cuGraphDestroy(recorded))
        return graph

    def _keep(self, key: Hashable, entry: _Entry, stream: int) -> None:
        self._entries[key] = entry
        if len(self._entries) > self._most:
            _require(self._driver.cuStreamSynchronize(stream))  # the device may still be at it
            self._free(self._entries.popitem(last=False)[1])

    def _free(self, entry: _Entry) -> None:
        if entry.graph is not None:
            _require(self._driver.cuGraphExecDestroy(entry.graph))


def _require(result: tuple[Any, ...]) -> Any:
    """What a call of cuda-python gave; raises EngineError where it failed."""
    code, *values = result
    if code:
        raise EngineError(f"CUDA graphs failed ({code.name}); set engine.cuda_graphs to false")
    return values[0] if values else None
