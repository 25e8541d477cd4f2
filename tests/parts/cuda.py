"""Parts of NVIDIA's world that run without a GPU: built once, kept in `.cache/` (git-ignored).

pycuda     the genuine one, from its source (minutes, once), on `libcuda.c` in place of a driver
bindings   the genuine Python bindings of TensorRT, on empty libraries: names and enums, nothing that runs
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu.cuda_wheels import PYCUDA, build_environment, driver_module
from streamseg.inference.backends.tensorrt.driver import LIBRARY, probe

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent.parent / ".cache"
DRIVER = LIBRARY
CUDA_BINDINGS = "13.4.4"
BINDINGS = ("10.16.1.11", "11.4.0.106")
# C functions of TensorRT's libraries that its bindings need when they are imported
_FUNCTIONS = """
createInferBuilder_INTERNAL createInferRefitter_INTERNAL createInferRuntime_INTERNAL
createNvOnnxParser_INTERNAL createNvOnnxParserRefitter_INTERNAL getBuilderPluginRegistry
getNvOnnxParserVersion getPluginRegistry initLibNvInferPlugins
""".split()  # noqa: SIM905 a list of words reads better than one of strings
_QUEUED = 64  # runs that no test leaves unfinished in a stream
_NO_DEVICE, _NOT_SUPPORTED = 100, 801  # CUresult


def toolkit() -> Path:
    """The CUDA toolkit, for its headers; skips where there is none."""
    nvcc = shutil.which("nvcc")
    told = os.environ.get("CUDA_HOME") or "/usr/local/cuda"
    candidates = [Path(told), *([Path(nvcc).resolve().parents[1]] if nvcc else [])]
    found = next((folder for folder in candidates if (folder / "include" / "cuda.h").exists()), None)
    if found is None or nvcc is None:
        pytest.skip("pycuda is built from source, which needs a CUDA toolkit (nvcc on PATH, CUDA_HOME)")
    return found


def _compile(target: Path, source: str, *options: str, soname: str = "") -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [
        "gcc",
        "-shared",
        "-fPIC",
        "-O1",
        "-Wall",
        f"-Wl,-soname,{soname or target.name}",
        *options,
        "-x",
        "c",
        "-",
    ]
    subprocess.run([*command, "-o", target], input=source, text=True, check=True)
    return target


def _pip(target: Path, *wanted: str, env: dict[str, str] | None = None) -> None:
    """Installs into a folder of its own: all or nothing."""
    part = target.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", "install", "--target"]
    subprocess.run([*command, str(part), *wanted], check=True, env={**os.environ, **(env or {})})
    part.rename(target)


def pycuda_folder() -> Path:
    """Genuine pycuda, built for this interpreter; skips where it cannot be."""
    folder = CACHE / f"pycuda-{PYCUDA}-linked-{sys.implementation.cache_tag}"
    if not folder.exists():
        env = build_environment(CACHE / "pycuda-build", str(toolkit()))
        _pip(folder, "--no-cache-dir", "--no-binary", "pycuda", f"pycuda=={PYCUDA}", env=env)
    return folder


def stand_in(pycuda: Path) -> Path:
    """`libcuda.c` as `libcuda.so.1`, with every function that pycuda links to; those not in it refuse."""
    module = driver_module(pycuda)
    source = (HERE / "libcuda.c").read_text(encoding="utf-8")
    wanted = _symbols(module, "--undefined-only")
    digest = hashlib.sha256(f"{source}{sorted(wanted)}".encode()).hexdigest()[:12]
    target = CACHE / f"libcuda-{digest}" / "libcuda.so.1"
    if not target.exists():
        own = _symbols(_compile(target.with_name("own.so"), source), "--defined-only")
        refusing = [f"int {name}(void) {{ return {_NOT_SUPPORTED}; }}\n" for name in sorted(wanted - own)]
        _compile(target, source + "".join(refusing))
    return target


def _symbols(library: Path, which: str) -> set[str]:
    lines = subprocess.run(["nm", "-D", which, library], capture_output=True, text=True, check=True).stdout
    names = {line.split()[-1].partition("@")[0] for line in lines.splitlines()}
    return {name for name in names if name.startswith("cu")}


class Driver:
    """The stand-in, loaded: what it counted, and what it is to answer."""

    DEVICE, HOST, STREAM, EVENT, CONTEXT = range(5)

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self.hide()
        library.standin_space.restype = ctypes.c_size_t
        library.standin_taken.restype = ctypes.c_long
        self._work: list[Any] = []  # must outlive its place in a stream

    def taken(self) -> tuple[int, ...]:
        """Memory, pinned memory, streams, events, contexts that were not given back."""
        return tuple(self._library.standin_taken(kind) for kind in range(5))

    @property
    def space(self) -> int:
        """Bytes the device has left."""
        return int(self._library.standin_space())

    @property
    def depth(self) -> int:
        """Contexts on this thread's stack."""
        return int(self._library.standin_depth())

    def hide(self) -> None:
        """Have no GPU: it stays loaded, and other tests of this process must not take it for a driver."""
        self.set(init=_NO_DEVICE)

    def set(self, *, init: int = 0, integrated: bool = False, space: int = 1 << 30) -> None:
        """What `cuInit` answers, whether memory is shared, and how much there is."""
        self._library.standin_set(init, int(integrated), ctypes.c_size_t(space))

    def launch(self, stream: int, work: Any) -> None:
        """Put a Python function into a stream, for TensorRT's double."""
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _argument: work())
        self._work = [*self._work[-_QUEUED:], function]
        assert self._library.cuLaunchHostFunc(ctypes.c_void_p(stream), function, None) == 0


def load(driver: Path, pycuda: Path) -> tuple[Driver, Any]:
    """The stand-in as this process's driver, and genuine pycuda on it; skips where a real one is loaded."""
    if probe().usable:
        pytest.skip("there is a real driver here, whose place the stand-in would take")
    library = ctypes.CDLL(str(driver), ctypes.RTLD_GLOBAL)  # pycuda finds it by its name
    if str(pycuda) not in sys.path:
        sys.path.append(str(pycuda))
    return Driver(library), importlib.import_module("pycuda.driver")


_STUB = """
#include <string.h>
int cuInit(unsigned flags) { return INIT; }
int cuDriverGetVersion(int *version) { *version = VERSION; return 0; }
int cuDeviceGetCount(int *count) { *count = GPUS; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, "NVIDIA stub", size); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute == 75 ? 8 : attribute == 76 ? 6 : 0;
  return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = &context; return CONTEXT; }
int cuDevicePrimaryCtxRelease_v2(int device) { return 0; }
"""


def stub_driver(
    folder: Path, *, init: int = 0, context: int = 0, version: int = 13000, gpus: int = 1, empty: bool = False
) -> Path:
    """A driver's library that only answers whether CUDA works; skips where there is no compiler.

    Args:
        folder: Where to put `libcuda.so.1`.
        init: What `cuInit` answers (CUresult).
        context: What it answers to whoever wants a context.
        version: The CUDA it serves, as cuda.h writes it.
        gpus: How many it finds.
        empty: It has no function at all.
    """
    if shutil.which("gcc") is None:
        pytest.skip("a stub of the driver is compiled with gcc")
    answers = {"INIT": init, "CONTEXT": context, "VERSION": version, "GPUS": gpus}
    defined = [f"-D{name}={value}" for name, value in answers.items()]
    # not the driver's soname: a process that has loaded the stub would take it for a driver ever after
    return _compile(folder / DRIVER, "" if empty else _STUB, *defined, soname="libcuda-stub.so")


def cuda_bindings() -> Path:
    """Genuine cuda-python, as far as CUDA graphs need it; it can be imported without a driver."""
    folder = CACHE / f"cuda-bindings-{CUDA_BINDINGS}-{sys.implementation.cache_tag}"
    if not folder.exists():
        _pip(folder, f"cuda-bindings=={CUDA_BINDINGS}")
    return folder


def bindings(version: str) -> tuple[Path, Path]:
    """Genuine bindings of a version of TensorRT, and a folder with empty libraries to import them on."""
    folder = CACHE / f"tensorrt-bindings-{version}"
    if not folder.exists():
        _pip(folder, "--no-deps", f"tensorrt-cu13-bindings=={version}")
    major, libraries = version.partition(".")[0], folder / "empty"
    for name in ("nvinfer", "nvinfer_plugin", "nvonnxparser"):
        target = libraries / f"lib{name}.so.{major}"
        if not target.exists():
            body = "".join(f"void *{function}(void) {{ return 0; }}\n" for function in _FUNCTIONS)
            _compile(target, body)
    return folder, libraries
