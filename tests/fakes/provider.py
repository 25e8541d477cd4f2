"""The CPU in the part of an execution provider that has a device of its own: what needs no device is real.

N is fixed, tensors are bound, nothing may fall back: as with CUDA, but that "the device" is the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from streamseg.inference.backend import Settings
from streamseg.inference.backends import ort
from streamseg.inference.backends.cpu_engine import CpuEngine
from streamseg.inference.backends.execution_providers import CPU, OTHERS, Provider
from streamseg.inference.packages.package import Package

HOST = Provider("host", CPU.library, "onnxruntime")
NAME = "onnxruntime-host"


@contextmanager
def known() -> Iterator[None]:
    """The provider is one of ONNX Runtime's meanwhile."""
    with patch.dict(OTHERS, {HOST.name: HOST}):
        yield


def device_engine(package: Package, max_batch: int = 4) -> CpuEngine:
    """Loads a package on it, in f32."""
    with known():
        return ort.OnProvider(HOST.name).load(package, Settings("f32", 1, None, max_batch=max_batch))
