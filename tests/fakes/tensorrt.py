"""A TensorRT of its real names only, which runs ONNX Runtime on the memory its tensors' addresses point to.

`tests/inference/backends/tensorrt/test_names.py` holds every public name here to the genuine bindings. A
"plan" is the ONNX graph with the profile it was built with; "the device" is this process's memory, as with
the driver doubles (`tests/fakes/pycuda.py`, `tests/parts/libcuda.c`), so that a wrong address reads wrong
numbers or crashes.
"""

from __future__ import annotations

import ctypes
import pickle
from collections.abc import Callable
from enum import IntEnum
from math import prod
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from tests.fakes import pycuda

__version__ = "10.16.1.11"  # what most machines have; the names are those of 11 too

_ONNX_TYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(int64)": np.int64}


class DataType(IntEnum):
    FLOAT = 0
    HALF = 1
    INT64 = 8
    UINT8 = 5


class TensorIOMode(IntEnum):
    NONE = 0
    INPUT = 1
    OUTPUT = 2


class ExecutionContextAllocationStrategy(IntEnum):
    STATIC = 0
    USER_MANAGED = 2


class NetworkDefinitionCreationFlag(IntEnum):
    STRONGLY_TYPED = 1


class BuilderFlag(IntEnum):
    TF32 = 7


class MemoryPoolType(IntEnum):
    WORKSPACE = 0
    TACTIC_DRAM = 4


class LayerType(IntEnum):
    CONVOLUTION = 0
    QUANTIZE = 1
    SHUFFLE = 2


def _on_the_double(_stream: int, work: Callable[[], None]) -> None:
    pycuda.world.launch(work)


_launch: Callable[[int, Callable[[], None]], None] = _on_the_double  # how work gets into a stream


def nptype(dtype: DataType) -> type:
    types = {DataType.FLOAT: np.float32, DataType.UINT8: np.uint8, DataType.INT64: np.int64}
    if dtype not in types:
        raise TypeError("Could not resolve TensorRT datatype to an equivalent numpy datatype.")
    return types[dtype]


class ILogger:
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    def log(self, severity: int, text: str) -> None:
        raise NotImplementedError


class IProgressMonitor:
    def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
        raise NotImplementedError

    def step_complete(self, phase: str, step: int) -> bool:
        raise NotImplementedError

    def phase_finish(self, phase: str) -> None:
        raise NotImplementedError


class ITensor:
    def __init__(self, name: str, shape: tuple[int, ...], dtype: DataType) -> None:
        self.name, self.shape, self.dtype = name, shape, dtype


class ILayer:
    def __init__(self, name: str, kind: LayerType, dtype: DataType) -> None:
        self.name, self.type = name, kind
        self._output = ITensor(f"{name} output", (), dtype)

    def get_output(self, index: int) -> ITensor:
        return self._output


class INetworkDefinition:
    def __init__(self) -> None:
        self.name = ""
        self._model = b""
        self._inputs: list[ITensor] = []
        self._layers: list[ILayer] = []

    @property
    def num_inputs(self) -> int:
        return len(self._inputs)

    @property
    def num_layers(self) -> int:
        return len(self._layers)

    def get_input(self, index: int) -> ITensor:
        return self._inputs[index]

    def get_layer(self, index: int) -> ILayer:
        return self._layers[index]


class ParserError:
    def __init__(self, desc: str, node: str = "", operator: str = "") -> None:
        self._desc, self._node, self._operator = desc, node, operator

    def desc(self) -> str:
        return self._desc

    def node_name(self) -> str:
        return self._node

    def node_operator(self) -> str:
        return self._operator


class OnnxParser:
    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
        self._network, self._logger = network, logger
        self._errors: list[ParserError] = []

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> ParserError:
        return self._errors[index]

    def parse(self, model: bytes) -> bool:
        try:
            parsed = onnx.load_model_from_string(model)
        except Exception as error:  # noqa: BLE001 as the genuine one
            self._errors.append(ParserError(str(error)))
            return False
        for node in parsed.graph.node:
            if node.op_type == "Det":
                self._errors.append(ParserError("no importer", node.name, node.op_type))
                self._logger.log(ILogger.ERROR, str(node.name))
                return False
        self._network._model = model
        self._network._inputs = [_tensor(value) for value in parsed.graph.input]
        self._network._layers = [_layer(parsed, node) for node in parsed.graph.node]
        return True


def _tensor(value: Any) -> ITensor:
    kind = {onnx.TensorProto.UINT8: DataType.UINT8, onnx.TensorProto.FLOAT: DataType.FLOAT}
    sizes = tuple(dim.dim_value or -1 for dim in value.type.tensor_type.shape.dim)
    return ITensor(value.name, sizes, kind[value.type.tensor_type.elem_type])


def _layer(model: Any, node: Any) -> ILayer:
    kinds = {"Conv": LayerType.CONVOLUTION, "QuantizeLinear": LayerType.QUANTIZE}
    halves = {
        tensor.name for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT16
    }
    dtype = DataType.FLOAT if halves.isdisjoint(node.input) else DataType.HALF
    return ILayer(node.name or node.output[0], kinds.get(node.op_type, LayerType.SHUFFLE), dtype)


class IOptimizationProfile:
    def __init__(self) -> None:
        self._shapes: dict[str, tuple[tuple[int, ...], ...]] = {}

    def set_shape(self, tensor: str, *shapes: tuple[int, ...]) -> None:
        self._shapes[tensor] = shapes


class ITimingCache:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def serialize(self) -> bytes:
        return self._content + b"."


class IBuilderConfig:
    def __init__(self, logger: ILogger) -> None:
        self.progress_monitor: Any = None
        self._logger = logger
        self._profiles: list[IOptimizationProfile] = []
        self._timing: ITimingCache | None = None
        self._tf32 = True
        self._limits: dict[MemoryPoolType, int] = {}

    def clear_flag(self, flag: BuilderFlag) -> None:
        self._tf32 = self._tf32 and flag is not BuilderFlag.TF32

    def set_memory_pool_limit(self, pool: MemoryPoolType, size: int) -> None:
        self._limits[pool] = size

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        for low, best, high in profile._shapes.values():
            if not low[0] <= best[0] <= high[0]:
                self._logger.log(ILogger.ERROR, "please ensure that the profiles satisfy MIN<=OPT<=MAX")
                return -1
        self._profiles.append(profile)
        return len(self._profiles) - 1

    def create_timing_cache(self, content: bytes) -> ITimingCache | None:
        return None if content == b"of another TensorRT" else ITimingCache(content)

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        self._timing = cache
        return True


class Builder:
    """Attributes:
    last: The configuration of the build before.
    """

    _last: IBuilderConfig | None = None

    def __init__(self, logger: ILogger) -> None:
        self._logger = logger

    def create_network(self, flags: int) -> INetworkDefinition:
        assert flags == 1 << NetworkDefinitionCreationFlag.STRONGLY_TYPED
        return INetworkDefinition()

    def create_builder_config(self) -> IBuilderConfig:
        Builder._last = IBuilderConfig(self._logger)
        return Builder._last

    def create_optimization_profile(self) -> IOptimizationProfile:
        return IOptimizationProfile()

    def build_serialized_network(self, network: INetworkDefinition, config: IBuilderConfig) -> bytes | None:
        if not _walk(config.progress_monitor):
            self._logger.log(ILogger.ERROR, "Build canceled by user")
            return None
        shapes = {name: high for name, (_, _, high) in config._profiles[0]._shapes.items()}
        return pickle.dumps((network._model, network.name, shapes))


def _walk(monitor: Any) -> bool:
    if monitor is None:
        return True
    monitor.phase_start("Building engine", None, 3)
    going = all(monitor.step_complete("Building engine", step) for step in range(3))
    monitor.phase_finish("Building engine")
    return going


class Runtime:
    def __init__(self, logger: ILogger) -> None:
        self._logger = logger

    def deserialize_cuda_engine(self, plan: bytes) -> ICudaEngine | None:
        try:
            model, name, shapes = pickle.loads(plan)  # noqa: S301 made by this double
        except Exception:  # noqa: BLE001 as the genuine one
            self._logger.log(ILogger.ERROR, "Magic tag does not match")
            return None
        return ICudaEngine(model, name, shapes, self._logger)


class ICudaEngine:
    def __init__(self, model: bytes, name: str, shapes: dict[str, tuple[int, ...]], logger: ILogger) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.name = name
        self._shapes, self._logger = shapes, logger
        self._broken = ""  # why it cannot run
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        self._nodes = {node.name: node for node in (*inputs, *outputs)}
        self._inputs = [node.name for node in inputs]
        self._outputs = [node.name for node in outputs]

    @property
    def num_io_tensors(self) -> int:
        return len(self._nodes)

    def get_tensor_name(self, index: int) -> str:
        name: str = list(self._nodes)[index]
        return name

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name in self._inputs else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> DataType:
        kinds = {
            "tensor(uint8)": DataType.UINT8,
            "tensor(float)": DataType.FLOAT,
            "tensor(int64)": DataType.INT64,
        }
        return kinds.get(self._nodes[name].type, DataType.HALF)

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(size if isinstance(size, int) else -1 for size in self._nodes[name].shape)

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[tuple[int, ...]]:
        high = self._shapes[name]
        return [(1, *high[1:]), (1, *high[1:]), high]

    def _run(self, views: dict[str, NDArray[Any]]) -> None:
        feeds = {name: views[name].copy() for name in self._inputs}
        for name, result in zip(self._outputs, self._session.run(self._outputs, feeds), strict=True):
            views[name][...] = result

    @property
    def device_memory_size_v2(self) -> int:
        return 512

    def create_execution_context(
        self, strategy: ExecutionContextAllocationStrategy = ExecutionContextAllocationStrategy.STATIC
    ) -> IExecutionContext | None:
        return IExecutionContext(self, scratch=strategy is ExecutionContextAllocationStrategy.STATIC)


class IExecutionContext:
    def __init__(self, engine: ICudaEngine, *, scratch: bool) -> None:
        self._engine, self._scratch = engine, scratch
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}

    def set_device_memory(self, memory: int, size: int) -> None:
        self._scratch = memory != 0 and size >= self._engine.device_memory_size_v2

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._shapes[name] = tuple(shape)
        return shape[0] <= self._engine._shapes[name][0]

    def infer_shapes(self) -> list[str]:
        return [name for name in self._engine._inputs if name not in self._shapes]

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return address != 0

    def execute_async_v3(self, stream: int) -> bool:
        engine = self._engine
        if engine._broken or not self._scratch:
            engine._logger.log(ILogger.ERROR, engine._broken or "no device memory")
            return False
        batch = self._shapes[engine._inputs[0]][0]
        views = {
            name: self._view(name, batch) for name in engine._nodes
        }  # the addresses of now, not of later
        _launch(stream, lambda: engine._run(views))
        return True

    def _view(self, name: str, batch: int) -> NDArray[Any]:
        shape = (batch, *self._engine.get_tensor_shape(name)[1:])
        dtype: np.dtype[Any] = np.dtype(_ONNX_TYPES[self._engine._nodes[name].type])
        raw = (ctypes.c_uint8 * (prod(shape) * dtype.itemsize)).from_address(self._addresses[name])
        return np.ctypeslib.as_array(raw).view(dtype).reshape(shape)
