"""A plan on the device, ready to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamseg.errors import EngineError
from streamseg.inference.backends.tensorrt.cuda_graphs import CudaGraphCache
from streamseg.inference.backends.tensorrt.logger import LogCollector
from streamseg.inference.packages.contract import ANY, GraphSpec, TensorSpec


@dataclass(frozen=True, slots=True)
class CudaGraphs:
    """What running as CUDA graphs takes.

    Attributes:
        driver: The module `cuda.bindings.driver` of cuda-python.
        memory: Takes memory of the device, bytes.
    """

    driver: Any
    memory: Callable[[int], int]


class Plan:
    """One graph: TensorRT's engine and its context; used inside `Device.current()` alone.

    Args:
        trt: The module `tensorrt` or `tensorrt_rtx`.
        runtime: Its `Runtime`.
        words: What the runtime logs to.
        content: The plan.
        label: What it must be called inside (`BuildRequest.label`).
        graphs: Run it as CUDA graphs.

    Raises:
        EngineError: It is no plan for this TensorRT and GPU, it is another one than was asked for, or the
            GPU's memory is full.
    """

    def __init__(
        self,
        trt: Any,
        runtime: Any,
        words: LogCollector,
        content: bytes,
        label: str,
        graphs: CudaGraphs | None = None,
    ) -> None:
        self._words, self._label = words, label
        engine = runtime.deserialize_cuda_engine(content)
        if engine is None:
            raise words.failure(f"{label}: TensorRT cannot load its plan")
        if engine.name != label:
            raise EngineError(f"{label}: the plan is of {engine.name!r}; build it again")
        self._engine = engine
        self._context: Any = None if graphs else self._sound(engine.create_execution_context())
        self._captures = None if graphs is None else CudaGraphCache(graphs.driver, self._maker(trt, graphs))
        self._batch = 0  # that the context is set for
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        takes = [engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT for name in names]
        specs = [self._spec(trt, name) for name in names]
        self.spec = GraphSpec(
            tuple(spec for spec, is_input in zip(specs, takes, strict=True) if is_input),
            tuple(spec for spec, is_input in zip(specs, takes, strict=True) if not is_input),
        )
        self._tensors = (*self.spec.inputs, *self.spec.outputs)
        self.most = self._most()

    def enqueue(self, batch: int, addresses: Mapping[str, int], stream: int) -> None:
        """Put a run into the stream.

        Args:
            batch: N.
            addresses: Where each input lies and each output goes, on the device; more than it needs is fine.
            stream: The stream's handle.

        Raises:
            EngineError: TensorRT or CUDA refused.
        """
        if batch > self.most:
            raise EngineError(f"{self._label}: {batch} pictures at once; the plan was built for {self.most}")
        if self._captures is None:
            if batch != self._batch:
                self._batch = 0
                self._resize(self._context, batch)
                self._batch = batch
            self._place(self._context, addresses)
            self._execute(self._context, stream)
            return

        def bind(context: Any) -> None:
            self._resize(context, batch)
            self._place(context, addresses)

        key = (batch, *(addresses[spec.name] for spec in self._tensors))
        self._captures.run(key, stream, bind, lambda context: self._execute(context, stream))

    def close(self) -> None:
        """Free the contexts, then the engine."""
        if self._captures is not None:
            self._captures.close()
        self._context = self._captures = None
        self._engine = None

    def _sound(self, context: Any) -> Any:
        if context is None:
            raise self._words.failure(
                f"{self._label}: TensorRT cannot make a context; is the GPU's memory full?"
            )
        return context

    def _maker(self, trt: Any, graphs: CudaGraphs) -> Callable[[], Any]:
        """Makes contexts that share their scratch memory: they run in one stream, one after the other."""
        engine, strategy = self._engine, trt.ExecutionContextAllocationStrategy.USER_MANAGED
        size = max(engine.device_memory_size_v2, 1)
        scratch = graphs.memory(size)

        def make() -> Any:
            context = self._sound(engine.create_execution_context(strategy))
            context.set_device_memory(scratch, size)
            return context

        return make

    def _spec(self, trt: Any, name: str) -> TensorSpec:
        dtype, shape = self._engine.get_tensor_dtype(name), tuple(self._engine.get_tensor_shape(name))
        sizes = tuple(ANY if size < 0 else size for size in shape)
        try:
            return TensorSpec(name, np.dtype(trt.nptype(dtype)).name, sizes)
        except TypeError:  # a type that NumPy has not
            return TensorSpec(name, str(dtype), sizes)

    def _most(self) -> int:
        """The largest batch that its profile allows."""
        _, _, most = self._engine.get_tensor_profile_shape(self.spec.inputs[0].name, 0)
        return int(next(iter(most)))

    def _resize(self, context: Any, batch: int) -> None:
        for spec in self.spec.inputs:
            if not context.set_input_shape(spec.name, (batch, *spec.shape[1:])):
                raise self._words.failure(f"{self._label}: TensorRT refuses {batch} pictures at once")
        if unknown := context.infer_shapes():
            raise self._words.failure(
                f"{self._label}: TensorRT cannot tell the shape of {', '.join(unknown)}"
            )

    def _place(self, context: Any, addresses: Mapping[str, int]) -> None:
        for spec in self._tensors:
            if not context.set_tensor_address(spec.name, addresses[spec.name]):
                raise self._words.failure(f"{self._label}: TensorRT refuses the memory for {spec.name}")

    def _execute(self, context: Any, stream: int) -> None:
        if not context.execute_async_v3(stream):
            raise self._words.failure(f"{self._label}: TensorRT failed")
