"""Sessions of ONNX Runtime as the engines open them, and what is in a graph's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime as ort

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import Settings
from streamseg.inference.backends.cpu_engine import one_line
from streamseg.inference.backends.execution_providers import CPU, Gpu, Provider, explained, open_session
from streamseg.inference.backends.ort_device import Model
from streamseg.inference.packages.contract import ANY, GraphSpec, TensorSpec

_DTYPES = {
    "tensor(uint8)": "uint8",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
}


def read_session(
    model: Path | bytes,
    path: Path,
    settings: Settings,
    provider: Provider = CPU,
    options: ort.SessionOptions | None = None,
) -> ort.InferenceSession:
    """A session.

    Args:
        model: A file, or an ONNX model's bytes.
        path: The file that errors name.
        settings: The engine's.
        provider: What it runs on.
        options: How; `session_options` where there is nothing special.

    Raises:
        PackageError: The CPU cannot read the graph.
        EngineError: The provider does not work, or cannot run all of the graph.
    """
    try:
        return open_session(model, options or session_options(settings), provider, gpu_of(settings))
    except EngineError:
        raise
    except Exception as error:  # its exceptions share no base class but this
        if provider is CPU:
            raise PackageError(f"{path}: ONNX Runtime cannot load it: {one_line(error)}") from error
        raise EngineError(
            f"{path}: onnxruntime-{provider.name} cannot run all of it: {explained(error)}"
        ) from error


def session_options(settings: Settings) -> ort.SessionOptions:
    """How every session of an engine is opened."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # fatal: errors are in the exceptions, and its own log quotes names of the graph as they are
    options.log_severity_level = 4
    # the graphs take turns: threads of one that spin after its run would take the cores from the next
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def spec_of(session: ort.InferenceSession) -> GraphSpec:
    """The tensors of a session."""
    sides = session.get_inputs(), session.get_outputs()
    return GraphSpec(*(tuple(map(_tensor_spec, side)) for side in sides))


def _tensor_spec(node: Any) -> TensorSpec:
    shape = tuple(size if isinstance(size, int) else ANY for size in node.shape)
    return TensorSpec(node.name, _DTYPES.get(node.type, node.type), shape)


def read_model(content: bytes, path: Path, settings: Settings) -> Model:
    """What is in a file, read on the CPU, so that a bad file is told from a provider that cannot run it.

    Args:
        content: What the file holds.
        path: The file that errors name.
        settings: The engine's.
    """
    options = session_options(settings)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = read_session(content, path, settings, CPU, options)
    names = {node.name: tuple(node.shape) for node in session.get_inputs()}
    return Model(path, spec_of(session), names)


def gpu_of(settings: Settings) -> Gpu:
    """The GPU that an engine is to have."""
    return Gpu(settings.gpu, settings.gpu_memory_limit_mb)
