"""The CPU in the part of an execution provider that has a device of its own: what needs no device is real.

N is fixed, tensors are bound, nothing may fall back: as with CUDA, but that "the device" is the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from streamseg.inference import ort
from streamseg.inference.backend import Settings
from streamseg.inference.host import HostEngine
from streamseg.inference.package import Package
from streamseg.inference.providers import CPU, OTHERS, Provider

HOST = Provider("host", CPU.library, "onnxruntime")
NAME = "onnxruntime-host"


@contextmanager
def known() -> Iterator[None]:
    """The provider is one of ONNX Runtime's meanwhile."""
    with patch.dict(OTHERS, {HOST.name: HOST}):
        yield


def device_engine(package: Package, max_batch: int = 4) -> HostEngine:
    """Loads a package on it, in f32."""
    with known():
        return ort.OnProvider(HOST.name).load(package, Settings("f32", 1, None, max_batch=max_batch))
