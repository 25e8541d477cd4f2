"""Which machine a figure belongs to."""

from __future__ import annotations

import os
import platform
from importlib import metadata

from streamseg.inference.cpu_info import cpu_name

LIBRARIES = ("streamseg", "openvino", "onnxruntime", "opencv-python-headless", "av", "numpy", "pyzmq")
TELLING_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimddp", "i8mm", "bf16")


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu_flags() -> list[str]:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - one line of a file that is no file
            flags = next((line.split() for line in file if line.startswith(("flags", "Features"))), [])
    except OSError:
        return []
    return [flag for flag in TELLING_FLAGS if flag in flags]


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def describe() -> dict[str, object]:
    """CPU model, its telling features, cores this process may use, system and library versions."""
    return {
        "cpu": cpu_name(),
        "cpu_flags": _cpu_flags(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),
        "os": _os_name(),
        "python": platform.python_version(),
        "versions": {library: _version(library) for library in LIBRARIES},
    }
