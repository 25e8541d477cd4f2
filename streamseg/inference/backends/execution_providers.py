"""ONNX Runtime's execution providers by name: what each is called, which package brings it, whether it works.

ONNX Runtime lists a provider also where its driver is missing, and then computes on the CPU without a word.
So no session of ours may fall back, and a provider counts as usable once it has run a graph of one node.
"""

from __future__ import annotations

import ctypes
import io
import logging
import os
import re
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime as ort

from streamseg.errors import EngineError
from streamseg.inference.backends.cpu_engine import one_line
from streamseg.inference.backends.one_node_graphs import RELU
from streamseg.inference.backends.tensorrt.driver import context_problem, probe, reason_of

_LOG = logging.getLogger(__name__)
_CUDA_CODE = re.compile(r"CUDA(?:_ERROR)? (?:failure|error) (\d+)", re.IGNORECASE)
_OUT_OF_MEMORY = 2  # CUresult
_NO_MEMORY = re.compile(r"out of memory|Failed to allocate memory", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Provider:
    """An execution provider.

    Attributes:
        name: What follows `onnxruntime-` in a configuration.
        library: ONNX Runtime's own name of it.
        package: The PyPI package that brings it, installed in place of `onnxruntime`.
        memory: Where its tensors lie, as `OrtValue.device_name` says.
        beside: ONNX Runtime's names of providers of the same device that take what this one leaves over.
        least: The oldest ONNX Runtime in which it takes the shipped packages.
    """

    name: str
    library: str
    package: str
    memory: str = "cpu"
    beside: tuple[str, ...] = ()
    least: tuple[int, int] = (1, 20)

    @property
    def is_nvidia(self) -> bool:
        """Whether it computes on an NVIDIA GPU."""
        return self.memory == "cuda"


_CUDA = "CUDAExecutionProvider"
_ARGMAX = (1, 21)  # the first whose CUDA provider has ArgMax of opset 12 (microsoft/onnxruntime#22713)
CPU = Provider("cpu", "CPUExecutionProvider", "onnxruntime")
_OTHERS = (
    Provider("cuda", _CUDA, "onnxruntime-gpu", "cuda", least=_ARGMAX),
    Provider("tensorrt", "TensorrtExecutionProvider", "onnxruntime-gpu", "cuda", (_CUDA,), _ARGMAX),
    Provider("openvino", "OpenVINOExecutionProvider", "onnxruntime-openvino"),
    Provider("migraphx", "MIGraphXExecutionProvider", "onnxruntime-migraphx"),
    Provider("coreml", "CoreMLExecutionProvider", "onnxruntime (on macOS)"),
    Provider("qnn", "QNNExecutionProvider", "onnxruntime-qnn"),
)
OTHERS = {provider.name: provider for provider in _OTHERS}


@dataclass(frozen=True, slots=True)
class Gpu:
    """Which GPU a provider computes on; of no meaning to those of other makers.

    Attributes:
        index: In the driver's order.
        memory_limit_mb: The most memory a graph may take of it, MiB; 0: all there is.
    """

    index: int = 0
    memory_limit_mb: int = 0


def open_session(
    model: Path | bytes, options: ort.SessionOptions, provider: Provider, gpu: Gpu | None = None
) -> ort.InferenceSession:
    """A session all of whose nodes run on the provider, or on those `beside` it.

    Raises:
        EngineError: The provider is not in this ONNX Runtime, or ran nothing.
        Exception: ONNX Runtime's own, about the graph, or about a node that only the CPU could run.
    """
    _require(provider)
    if provider.library != CPU.library:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        options.log_severity_level = 4  # fatal: what is wrong is in the exception
    if provider.is_nvidia:
        _prepare_cuda()
    # nor may Python's side of it try again on the CPU, when a session is opened or when it runs
    session = ort.InferenceSession(
        model, options, providers=_with_options(provider, gpu or Gpu()), enable_fallback=0
    )
    session.disable_fallback()
    if (taken := session.get_providers()[0]) != provider.library:
        raise EngineError(f"onnxruntime-{provider.name} did not start: ONNX Runtime fell back to {taken}")
    return session


def why_not(provider: Provider, gpu: Gpu | None = None) -> str:
    """Why a provider cannot be used here, one line; empty where it has just run a graph of one node."""
    try:
        _require(provider)
        if problem := _gpu_problem(gpu or Gpu()) if provider.is_nvidia else "":
            return problem
        session = open_session(RELU, ort.SessionOptions(), provider, gpu)
        session.run(None, {"x": np.zeros(1, np.float32)})
    except Exception as error:  # noqa: BLE001 - its exceptions share no base class but this
        if _is_absent(error):
            return f"{provider.name} is installed but does not start: {_lacking(provider)}"
        return explained(error)
    return ""


def _is_absent(error: Exception) -> bool:
    """Whether a graph that all can run was left to the CPU, or TensorRT's libraries are not there."""
    return "CPU EP" in str(error) or "Please install TensorRT" in str(error)


def explained(error: BaseException) -> str:
    """What an exception of ONNX Runtime's says, one line; in plain words where CUDA refused."""
    text = str(error)
    code = _CUDA_CODE.search(text)
    reason = reason_of(int(code[1])) if code else ""
    if not reason and _NO_MEMORY.search(text):
        reason = reason_of(_OUT_OF_MEMORY)
    return reason or one_line(error)


def device_name(provider: Provider, gpu: Gpu) -> str:
    """The processor, as its maker names it, where that is known; else the provider's name."""
    gpus = probe().gpus if provider.is_nvidia else ()
    return gpus[gpu.index].name if gpu.index < len(gpus) else provider.name


def _lacking(provider: Provider) -> str:
    """What a provider lacks, as the loader says where it is asked for the provider's library."""
    library = Path(ort.__file__).parent / "capi" / f"libonnxruntime_providers_{provider.name}.so"
    found = "its driver or a library of it is missing"
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        found = one_line(error)
    if not provider.is_nvidia:
        return found
    libraries = "TensorRT 10, CUDA and cuDNN" if provider.beside else "CUDA and cuDNN"
    return f"{found} (it needs {libraries}: pip install '{provider.package}[cuda,cudnn]')"


def _with_options(provider: Provider, gpu: Gpu) -> list[tuple[str, dict[str, str]]]:
    if not provider.is_nvidia:
        return [(provider.library, {})]
    return [(library, _options(library, gpu)) for library in (provider.library, *provider.beside)]


def _options(library: str, gpu: Gpu) -> dict[str, str]:
    """See onnxruntime.ai/docs/execution-providers: CUDA, TensorRT."""
    limit = str(gpu.memory_limit_mb << 20) if gpu.memory_limit_mb else ""
    if library == _CUDA:
        # f32 means float32: TF32 has 10 bits of mantissa
        options = {"device_id": str(gpu.index), "use_tf32": "0", "gpu_mem_limit": limit}
    else:
        options = {"device_id": str(gpu.index), "trt_max_workspace_size": limit}
    return {name: value for name, value in options.items() if value}


@cache
def _prepare_cuda() -> None:
    """To be done before the first session on CUDA.

    TensorRT's provider has no option for TF32, so NVIDIA's libraries are told by the environment, which they
    read when they start. CUDA and cuDNN are loaded from their PyPI packages where those are installed
    (ONNX Runtime 1.21 or newer).
    """
    os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
    ort.set_default_logger_severity(4)  # what fails to load is in the error, and not to be printed besides
    preload = getattr(ort, "preload_dlls", None)
    if preload is None:
        return
    printed = io.StringIO()
    with redirect_stdout(printed):  # it prints what it does not find
        preload()
    for line in filter(None, map(str.strip, printed.getvalue().splitlines())):
        _LOG.debug("ONNX Runtime: %s", line)


def _gpu_problem(gpu: Gpu) -> str:
    """Why CUDA cannot be used, asked in an order in which nothing crashes; one line, else empty."""
    state = probe()
    if not state.usable:
        return state.why_not
    if gpu.index >= len(state.gpus):
        return f"there is no GPU {gpu.index}: the NVIDIA driver finds {len(state.gpus)}, counted from 0"
    needed = str(getattr(ort, "cuda_version", None) or "")  # such as 13.0; of a build for CUDA alone
    return state.too_old_for(needed, "this onnxruntime-gpu") or context_problem(gpu.index)


def _require(provider: Provider) -> None:
    available = ort.get_available_providers()
    if provider.library not in available:
        known = [one.name for one in (CPU, *_OTHERS) if one.library in available]
        raise EngineError(
            f"ONNX Runtime {ort.__version__} as installed has {', '.join(known)}; "
            f"{provider.name} comes with {provider.package}, in place of onnxruntime"
        )
    if _version(ort.__version__) < provider.least:
        oldest = ".".join(map(str, provider.least))
        raise EngineError(f"{provider.package} is {ort.__version__}, too old: {oldest} or newer is needed")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])
