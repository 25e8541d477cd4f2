"""NOT TensorRT: `tests/fakes/tensorrt.py`, computing on a GPU by ONNX Runtime, in the caller's stream.

TensorRT's builder comes from no public registry, so on a machine without it this is how the code around it
(pycuda, contexts, streams, rows, slots, captures, the builder's process, the daemon) runs on a genuine
driver. It says nothing of TensorRT itself. With `STREAMSEG_STAND_IN_PROVIDER=cpu` it computes on the host's
memory, for a dry run on the stand-in driver `tests/parts/libcuda.c`. The GPU check imports it as `tensorrt`.
"""

from __future__ import annotations

import ctypes
import os
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime as ort

from tests.fakes import tensorrt as double

_ON_CPU = os.environ.get("STREAMSEG_STAND_IN_PROVIDER") == "cpu"
_DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(int64)": np.int64}


def _session(model: bytes, batch: int, stream: int) -> ort.InferenceSession:
    """All nodes on the one provider: with N fixed, none is left that ONNX Runtime wants on the CPU."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.add_free_dimension_override_by_name("N", batch)
    if _ON_CPU:
        options.intra_op_num_threads = 1
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    own = {"user_compute_stream": str(stream), "use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
    session = ort.InferenceSession(model, options, providers=[("CUDAExecutionProvider", own)])
    if session.get_providers()[0] != "CUDAExecutionProvider":
        raise RuntimeError(f"ONNX Runtime fell back to {session.get_providers()}")
    return session


class ICudaEngine(double.ICudaEngine):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)  # its session on the CPU knows names and types
        self._content: bytes = arguments[0]
        self._sessions: dict[tuple[int, int], ort.InferenceSession] = {}

    def session(self, stream: int, batch: int) -> ort.InferenceSession:
        key = (stream, batch)
        if key not in self._sessions:
            self._sessions[key] = _session(self._content, batch, stream)
        return self._sessions[key]


class IExecutionContext(double.IExecutionContext):
    def execute_async_v3(self, stream: int) -> bool:
        engine: Any = self._engine
        if engine._broken or not self._scratch:
            engine._logger.log(double.ILogger.ERROR, engine._broken or "no device memory")
            return False
        try:
            self._run(engine, stream, self._shapes[engine._inputs[0]][0])
        except Exception as error:  # noqa: BLE001 as the genuine one: False, and the reason in the log
            engine._logger.log(double.ILogger.ERROR, f"stand-in: {error}")  # noqa: G004 not of logging
            return False
        return True

    def _run(self, engine: Any, stream: int, batch: int) -> None:
        session = engine.session(stream, batch)
        binding = session.io_binding()
        where = "cpu" if _ON_CPU else "cuda"
        for name, node in engine._nodes.items():
            shape = (batch, *engine.get_tensor_shape(name)[1:])
            bind = binding.bind_input if name in engine._inputs else binding.bind_output
            bind(name, where, 0, _DTYPES[node.type], shape, self._addresses[name])
        options = ort.RunOptions()
        if _ON_CPU:
            ctypes.CDLL("libcuda.so.1").cuStreamSynchronize(ctypes.c_void_p(stream))
        else:
            options.add_run_config_entry("disable_synchronize_execution_providers", "1")
        session.run_with_iobinding(binding, options)


def install() -> ModuleType:
    """The double, changed for this process to compute as told above."""
    double.__version__ += "+stand-in"
    double.ICudaEngine, double.IExecutionContext = ICudaEngine, IExecutionContext  # type: ignore[misc,assignment]
    return double
