"""ONNX Runtime's execution providers by name: what each is called, which package brings it, whether it works.

ONNX Runtime lists a provider also where its driver is missing, and then computes on the CPU without a word.
So no session of ours may fall back, and a provider counts as usable once it has run a graph of one node.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from streamseg.errors import EngineError
from streamseg.inference.host import one_line

# y = Relu(x) of one float: what every provider can do (opset 13)
PROBE = (
    b'\x08\x08:7\n\x0c\n\x01x\x12\x01y"\x04Relu\x12\x05probeZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02'
    b"\x08\x01b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r"
)


@dataclass(frozen=True, slots=True)
class Provider:
    """An execution provider.

    Attributes:
        name: What follows `onnxruntime-` in a configuration.
        library: ONNX Runtime's own name of it.
        package: The PyPI package that brings it, installed in place of `onnxruntime`.
    """

    name: str
    library: str
    package: str


CPU = Provider("cpu", "CPUExecutionProvider", "onnxruntime")
_OTHERS = (
    Provider("cuda", "CUDAExecutionProvider", "onnxruntime-gpu"),
    Provider("tensorrt", "TensorrtExecutionProvider", "onnxruntime-gpu"),
    Provider("openvino", "OpenVINOExecutionProvider", "onnxruntime-openvino"),
    Provider("migraphx", "MIGraphXExecutionProvider", "onnxruntime-migraphx"),
    Provider("coreml", "CoreMLExecutionProvider", "onnxruntime (on macOS)"),
    Provider("qnn", "QNNExecutionProvider", "onnxruntime-qnn"),
)
OTHERS = {provider.name: provider for provider in _OTHERS}


def open_session(
    model: Path | bytes, options: ort.SessionOptions, provider: Provider
) -> ort.InferenceSession:
    """A session all of whose nodes run on the provider.

    Raises:
        EngineError: The provider is not in this ONNX Runtime, or ran nothing.
        Exception: ONNX Runtime's own, about the graph, or about a node that only the CPU could run.
    """
    _require(provider)
    if provider is not CPU:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        options.log_severity_level = 4  # fatal: what is wrong is in the exception
    session = ort.InferenceSession(model, options, providers=[provider.library])
    if (taken := session.get_providers()[0]) != provider.library:
        raise EngineError(f"onnxruntime-{provider.name} did not start: ONNX Runtime fell back to {taken}")
    return session


def why_not(provider: Provider) -> str:
    """Why a provider cannot be used here, one line; empty where it has just run a graph of one node."""
    try:
        open_session(PROBE, ort.SessionOptions(), provider).run(None, {"x": np.zeros(1, np.float32)})
    except Exception as error:  # noqa: BLE001 - its exceptions share no base class but this
        told = one_line(error)
        if "CPU EP" in told:  # of a graph that every provider can run
            return (
                f"{provider.name} is installed but does not start: its driver or a library of it is missing"
            )
        return told
    return ""


def _require(provider: Provider) -> None:
    available = ort.get_available_providers()
    if provider.library in available:
        return
    known = [one.name for one in (CPU, *_OTHERS) if one.library in available]
    raise EngineError(
        f"ONNX Runtime {ort.__version__} as installed has {', '.join(known)}; "
        f"{provider.name} comes with {provider.package}, in place of onnxruntime"
    )
