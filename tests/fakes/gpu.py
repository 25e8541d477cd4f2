"""A package on TensorRT's double and a driver's, ready to run: for tests that have no GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamseg.inference.backends.tensorrt.build import build_plan
from streamseg.inference.backends.tensorrt.engine import TensorRtEngine
from streamseg.inference.backends.tensorrt.provider import open_plans, requests
from streamseg.inference.engine import EngineInfo
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package
from tests.fakes import pycuda, tensorrt

INFO = EngineInfo("tensorrt", "f32", "a GPU of paper", tensorrt.__version__, "asked for by a test")


def gpu_plans(package: Package, most: int = 4) -> dict[GraphRole, bytes]:
    """Builds a package's plans, in f32 and for batches up to `most`."""
    asked = requests(package, "f32", most)
    return {role: build_plan(tensorrt, request).plan for role, request in asked.items()}


def gpu_engine(
    package: Package,
    most: int = 4,
    driver: Any = pycuda,
    pop: Callable[[], None] = lambda: None,
    graphs: Any = None,
) -> TensorRtEngine:
    """Builds a package's plans and loads them."""
    return open_plans(tensorrt, driver, package, gpu_plans(package, most), INFO, pop, graphs)
