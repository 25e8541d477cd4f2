"""What the NVIDIA driver says, asked by its C interface before any library of NVIDIA's is loaded.

Without a working driver TensorRT does not fail but crash: its `Runtime` comes to life, and the first plan it
is given ends the process. So nothing of it is imported before this says yes.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIBRARY = "libcuda.so.1"
MODULE_VERSION = Path("/sys/module/nvidia/version")
_REASONS = {  # CUresult, cuda.h
    34: "the CUDA library found is a stub for linking, not the driver's own; take it off the library path",
    35: "the NVIDIA driver is older than this CUDA; update the driver",
    100: "the NVIDIA driver finds no GPU; is one there, and let into this container (/dev/nvidia0)?",
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
    """

    gpus: tuple[Gpu, ...] = ()
    cuda: str = ""
    driver: str = ""
    why_not: str = ""

    @property
    def usable(self) -> bool:
        """Whether there is a GPU to work on."""
        return bool(self.gpus)


def probe(library: str = LIBRARY, module_version: Path = MODULE_VERSION) -> DriverState:
    """Ask the driver; never raises, and makes no context on any GPU.

    Args:
        library: The driver's library, as the loader finds it.
        module_version: Where Linux tells the version of the driver's module.
    """
    try:
        cuda = ctypes.CDLL(library)
    except OSError:
        return DriverState(why_not=f"no NVIDIA driver on this machine: {library} was not found")
    if code := cuda.cuInit(0):
        return DriverState(why_not=_REASONS.get(code) or f"the NVIDIA driver does not start (cuInit: {code})")
    gpus = tuple(_gpu(cuda, index) for index in range(_count(cuda)))
    return DriverState(gpus, _cuda_version(cuda), _read(module_version), "" if gpus else _REASONS[100])


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
