"""What the NVIDIA driver says, asked by its C interface before any other library of NVIDIA's is loaded.

Without a working driver TensorRT does not fail but crash: its `Runtime` comes to life, and the first plan it
is given ends the process. So nothing of it is imported before this says yes.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamseg.errors import EngineError

LIBRARY = "libcuda.so.1"
MODULE_VERSION = Path("/sys/module/nvidia/version")
# CUresult, cuda.h; the runtime's cudaError_t has the same numbers for these
_REASONS = {
    2: "the GPU's memory is full; free some of it, or lower engine.max_batch",
    34: "the CUDA library found is a stub for linking, not the driver's own; take it off the library path",
    35: "the NVIDIA driver is older than this CUDA; update the driver",
    46: "the GPU is taken: another process has it for itself, or its compute mode forbids all "
    "(nvidia-smi -q -d COMPUTE)",
    100: "the NVIDIA driver finds no GPU; is one there, and let into this container (/dev/nvidia0)?",
    802: "the GPUs of this machine are not ready; is NVIDIA's fabric manager running?",
    803: "the NVIDIA driver's library and its kernel module differ in version; restart the machine, or give "
    "the container the library of the host's driver",
    804: "the CUDA compatibility library does not serve this GPU; take it off the library path, or update "
    "the driver",
}
# CUdevice_attribute, cuda.h
_INTEGRATED, _CAPABILITY_MAJOR, _CAPABILITY_MINOR = 18, 75, 76


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU.

    Attributes:
        name: As its maker names it.
        capability: Compute capability, major and minor.
        integrated: It shares the memory of the CPU (Jetson).
    """

    name: str
    capability: tuple[int, int]
    integrated: bool


@dataclass(frozen=True, slots=True)
class DriverState:
    """Whether CUDA works on this machine.

    Attributes:
        gpus: What it found; empty where CUDA does not work.
        cuda: Version of CUDA that the driver serves, as `13.0`; empty where it does not say.
        driver: Version of the kernel's module, as `580.95.05`; empty where it does not say.
        why_not: Why CUDA does not work, one line; else empty.
        found: Whether there is a driver's library at all, working or not.
    """

    gpus: tuple[Gpu, ...] = ()
    cuda: str = ""
    driver: str = ""
    why_not: str = ""
    found: bool = True

    @property
    def usable(self) -> bool:
        """Whether there is a GPU to work on."""
        return bool(self.gpus)

    def too_old_for(self, cuda: str, what: str) -> str:
        """Why the driver cannot serve a library, one line; empty where it can.

        Within a major version of CUDA every driver serves every library (CUDA's minor version compatibility).

        Args:
            cuda: The CUDA that the library was built for, such as `13.0` or `13`; empty: not known.
            what: What to call the library.
        """
        major = cuda.partition(".")[0]
        if not (major.isdecimal() and self.cuda) or int(self.cuda.partition(".")[0]) >= int(major):
            return ""
        return f"the NVIDIA driver serves CUDA {self.cuda}, {what} needs {major}: update the driver"


def reason_of(code: int) -> str:
    """What an error code of CUDA means to a user, one line; empty where it has no words of its own."""
    return _REASONS.get(code, "")


def probe(library: str = LIBRARY, module_version: Path = MODULE_VERSION) -> DriverState:
    """Ask the driver; never raises, and makes no context on any GPU.

    Args:
        library: The driver's library, as the loader finds it.
        module_version: Where Linux tells the version of the driver's module.
    """
    try:
        cuda = _started(library)
        gpus = tuple(_gpu(cuda, index) for index in range(_count(cuda)))
        return DriverState(gpus, _cuda_version(cuda), _read(module_version), "" if gpus else _REASONS[100])
    except EngineError as error:
        return DriverState(why_not=str(error), found=not isinstance(error, _NoLibraryError))


def context_problem(index: int = 0, library: str = LIBRARY) -> str:
    """Why this process gets no context on a GPU, one line; empty where it got one, which it lets go again.

    That is the case where the GPU's memory is full, or another process has the GPU for itself. Takes some
    tenths of a second and some hundred MB of the GPU for that long.

    Args:
        index: Which GPU, in the driver's order.
        library: The driver's library, as the loader finds it.
    """
    try:
        cuda = _started(library)
        device, context = ctypes.c_int(), ctypes.c_void_p()
        _check("cuDeviceGet", cuda.cuDeviceGet(ctypes.byref(device), index))
        _check("cuDevicePrimaryCtxRetain", cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device))
        cuda.cuDevicePrimaryCtxRelease_v2(device)
    except EngineError as error:
        return str(error)
    return ""


class _NoLibraryError(EngineError):
    """There is no driver."""


class _Library:
    """The driver's library; a function that it lacks is an `EngineError`."""

    def __init__(self, name: str, library: Any) -> None:
        self._name, self._library = name, library

    def __getattr__(self, function: str) -> Any:
        try:
            return getattr(self._library, function)
        except AttributeError:
            raise EngineError(
                f"{self._name} is not an NVIDIA driver's: it has no {function}; take it off the library path"
            ) from None


def _started(name: str) -> Any:
    try:
        cuda = _Library(name, ctypes.CDLL(name))
    except OSError as error:
        if str(error).startswith(name) and str(error).endswith("No such file or directory"):
            raise _NoLibraryError(f"no NVIDIA driver on this machine: {name} was not found") from None
        raise EngineError(f"{name} cannot be loaded: {' '.join(str(error).split())}") from None
    _check("cuInit", cuda.cuInit(0))
    return cuda


def _check(function: str, code: int) -> None:
    if code:
        raise EngineError(reason_of(code) or f"the NVIDIA driver does not start ({function}: {code})")


def _count(cuda: Any) -> int:
    count = ctypes.c_int()
    return count.value if cuda.cuDeviceGetCount(ctypes.byref(count)) == 0 else 0


def _gpu(cuda: Any, index: int) -> Gpu:
    name = ctypes.create_string_buffer(256)
    cuda.cuDeviceGetName(name, len(name), index)
    capability = _attribute(cuda, _CAPABILITY_MAJOR, index), _attribute(cuda, _CAPABILITY_MINOR, index)
    integrated = bool(_attribute(cuda, _INTEGRATED, index))
    return Gpu(name.value.decode(errors="replace"), capability, integrated)


def _attribute(cuda: Any, attribute: int, index: int) -> int:
    value = ctypes.c_int()
    cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, index)
    return value.value


def _cuda_version(cuda: Any) -> str:
    version = ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(version))
    return f"{version.value // 1000}.{version.value % 1000 // 10}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
