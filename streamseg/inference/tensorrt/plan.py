"""A plan on the device, ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from streamseg.errors import EngineError
from streamseg.inference.contract import ANY, GraphSpec, TensorSpec
from streamseg.inference.tensorrt.log import Words


class Plan:
    """One graph: TensorRT's engine and one context of it; used inside `Device.current()` alone.

    Args:
        trt: The module `tensorrt` or `tensorrt_rtx`.
        runtime: Its `Runtime`.
        words: What the runtime logs to.
        content: The plan.
        label: What it must be called inside (`BuildRequest.label`).

    Raises:
        EngineError: It is no plan for this TensorRT and GPU, it is another one than was asked for, or the
            GPU's memory is full.
    """

    def __init__(self, trt: Any, runtime: Any, words: Words, content: bytes, label: str) -> None:
        self._words, self._label = words, label
        engine = runtime.deserialize_cuda_engine(content)
        if engine is None:
            raise words.failure(f"{label}: TensorRT cannot load its plan")
        if engine.name != label:
            raise EngineError(f"{label}: the plan is of {engine.name!r}; build it again")
        context = engine.create_execution_context()
        if context is None:
            raise words.failure(f"{label}: TensorRT cannot make a context; is the GPU's memory full?")
        self._engine, self._context = engine, context
        self._batch = 0  # that the context is set for
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        takes = [engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT for name in names]
        specs = [self._spec(trt, name) for name in names]
        self.spec = GraphSpec(
            tuple(spec for spec, is_input in zip(specs, takes, strict=True) if is_input),
            tuple(spec for spec, is_input in zip(specs, takes, strict=True) if not is_input),
        )
        self.most = self._most()

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

    def enqueue(self, batch: int, addresses: Mapping[str, int], stream: int) -> None:
        """Put a run into the stream.

        Args:
            batch: N.
            addresses: Where each input lies and each output goes, on the device; more than it needs is fine.
            stream: The stream's handle.

        Raises:
            EngineError: TensorRT refused.
        """
        self._resize(batch)
        for spec in (*self.spec.inputs, *self.spec.outputs):
            if not self._context.set_tensor_address(spec.name, addresses[spec.name]):
                raise self._words.failure(f"{self._label}: TensorRT refuses the memory for {spec.name}")
        if not self._context.execute_async_v3(stream):
            raise self._words.failure(f"{self._label}: TensorRT failed")

    def _resize(self, batch: int) -> None:
        if batch == self._batch:
            return
        if batch > self.most:
            raise EngineError(f"{self._label}: {batch} pictures at once; the plan was built for {self.most}")
        self._batch = 0
        for spec in self.spec.inputs:
            if not self._context.set_input_shape(spec.name, (batch, *spec.shape[1:])):
                raise self._words.failure(f"{self._label}: TensorRT refuses {batch} pictures at once")
        if unknown := self._context.infer_shapes():
            raise self._words.failure(
                f"{self._label}: TensorRT cannot tell the shape of {', '.join(unknown)}"
            )
        self._batch = batch

    def close(self) -> None:
        """Free the context, then the engine."""
        self._context = None
        self._engine = None
