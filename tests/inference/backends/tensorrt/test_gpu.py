"""The engine on a GPU. Skipped, each with the reason, where there is none; so far that was everywhere."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import cv2
import numpy as np
import pytest

from streamseg.errors import EngineError
from streamseg.inference.backend import Settings
from streamseg.inference.backends import ort
from streamseg.inference.backends.tensorrt.build import build_plan
from streamseg.inference.backends.tensorrt.engine import TensorRtEngine
from streamseg.inference.backends.tensorrt.provider import RTX, STANDARD, TensorRt, open_plans, requests
from streamseg.inference.engine import EngineInfo, InferenceEngine
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package, open_package
from streamseg.types import F32, U8
from tests.inference.backends.tensorrt.test_engine import picture
from tests.waiting import time_limit

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(time_limit(1800))]  # building takes minutes on some GPUs

MIB = 1 << 20


@pytest.fixture(scope="module", params=[STANDARD, RTX], ids=lambda library: library.name)
def library(request: pytest.FixtureRequest) -> TensorRt:
    """One of the two, where it works."""
    found: TensorRt = request.param
    if why_not := found.report().why_not:
        pytest.skip(f"{found.name}: {why_not}")
    return found


@pytest.fixture
def driver(library: TensorRt) -> Any:
    """The genuine `pycuda.driver`, on a genuine driver."""
    return import_module("pycuda.driver")


@pytest.fixture
def engine(library: TensorRt, package: Package) -> Iterator[TensorRtEngine]:
    engine = library.load(package, Settings("f32", 1, None, max_batch=4))
    engine.warm_up()
    yield engine
    engine.close()


def plans(library: TensorRt, package: Package) -> tuple[Any, dict[GraphRole, bytes], EngineInfo]:
    trt = import_module(library.module)
    built = {role: build_plan(trt, one).plan for role, one in requests(package, "f32", 2).items()}
    return trt, built, EngineInfo(library.name, "f32", "", "", "")


def soft(seed: int) -> U8:
    """Soft patches of colour `[1, 360, 480, 3]`: few scores lie so close that rounding decides."""
    patches = np.random.default_rng(seed).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    image: U8 = cv2.resize(patches, (480, 360), interpolation=cv2.INTER_CUBIC)[None]
    return image


def shipped_stream(engine: InferenceEngine) -> list[U8]:
    memory, out = engine.fresh_memory(), []
    shape = engine.package.manifest.memory
    assert shape is not None
    for seed in range(4):
        random = np.random.default_rng(seed)
        guide: F32 = random.random((1, 1, shape.height, shape.width), dtype=np.float32)
        flow: F32 = random.normal(0, 1, (1, 2, shape.height, shape.width)).astype(np.float32)
        masks, memory = engine.start(soft(seed)).stabilise(guide, flow, memory)
        out.append(masks.labels)
    return out


@pytest.mark.parametrize(("precision", "share"), [("f32", 0.999), ("f16", 0.99)])
def test_the_shipped_package_says_what_it_says_on_a_cpu(
    library: TensorRt, precision: Any, share: float
) -> None:
    package = open_package("camvid-lite0")
    engine = library.load(package, Settings(precision, 1, None, max_batch=2))
    plain = ort.load(package, Settings("f32", 2, None))
    for ours, theirs in zip(shipped_stream(engine), shipped_stream(plain), strict=True):
        assert (ours == theirs).mean() > share
    engine.close()
    plain.close()


def test_a_plan_with_a_flipped_byte_is_an_error_or_refused(
    library: TensorRt, driver: Any, package: Package
) -> None:
    trt, built, info = plans(library, package)
    content = bytearray(built[GraphRole.SEGMENTER])
    content[8] ^= 0xFF
    with pytest.raises(EngineError, match="cannot load its plan"):
        open_plans(trt, driver, package, {**built, GraphRole.SEGMENTER: bytes(content)}, info)


def free_mb(driver: Any) -> float:
    context = driver.Device(0).retain_primary_context()
    context.push()
    free, _ = driver.mem_get_info()
    driver.Context.pop()
    return float(free / MIB)


def test_two_hundred_loads_leave_nothing_behind(library: TensorRt, driver: Any, package: Package) -> None:
    trt, built, info = plans(library, package)
    left = []
    for _ in range(200):
        engine = open_plans(trt, driver, package, built, info)
        engine.start(picture(0)).readout()
        engine.close()
        left.append(free_mb(driver))
    gc.collect()
    assert min(left[:20]) - min(left[-20:]) < 16


def test_a_full_gpu_is_an_engine_error(library: TensorRt, driver: Any, package: Package) -> None:
    trt, built, info = plans(library, package)
    context = driver.Device(0).retain_primary_context()
    context.push()
    ballast = []
    try:
        size = 1 << 34
        while size > MIB:
            try:
                ballast.append(driver.mem_alloc(size))
            except driver.MemoryError:
                size //= 2
        with pytest.raises(EngineError, match="memory"):
            open_plans(trt, driver, package, built, info)
    finally:
        for block in ballast:
            block.free()
        driver.Context.pop()
