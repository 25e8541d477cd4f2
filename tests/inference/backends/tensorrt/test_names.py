"""Every name of TensorRT that our code and its double use is one of the genuine bindings, old and new."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.fakes import cuda_bindings, tensorrt
from tests.inference.backends.tensorrt.names import public_names, used
from tests.parts import cuda

pytestmark = pytest.mark.real

# What our variables hold; `provider` and `log` only ask the library itself.
BUILD = {
    "trt": "",
    "builder": "Builder",
    "network": "INetworkDefinition",
    "parser": "OnnxParser",
    "config": "IBuilderConfig",
    "profile": "IOptimizationProfile",
    "cache": "ITimingCache",
    "timing": "ITimingCache",
    "layer": "ILayer",
    "tensor": "ITensor",
    "error": "ParserError",
}
PLAN = {"trt": "", "runtime": "Runtime", "engine": "ICudaEngine", "context": "IExecutionContext"}
RTX_ALONE = {"IBuilderConfig.num_compute_capabilities", "IBuilderConfig.set_compute_capability"}

LIST = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
trt = importlib.import_module(sys.argv[2])
names = set(dir(trt))
for name in list(names):
    if isinstance(getattr(trt, name), type):
        names |= {name + "." + part for part in dir(getattr(trt, name))}
print(json.dumps([getattr(trt, "__version__", ""), sorted(names)]))
"""


def ours() -> set[str]:
    """What our code asks of TensorRT."""
    library = {"trt": ""}
    return used("build", BUILD) | used("plan", PLAN) | used("provider", library) | used("logger", library)


@cache
def genuine(version: str) -> frozenset[str]:
    """All names of a version's bindings, looked up in a process of its own."""
    folder, libraries = cuda.bindings(version)
    return listed(folder, "tensorrt_bindings", version, libraries)


def listed(folder: Path, module: str, version: str, libraries: Path) -> frozenset[str]:
    env = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
    command = [sys.executable, "-c", LIST, str(folder), module]
    found = json.loads(subprocess.run(command, env=env, capture_output=True, check=True).stdout)
    assert found[0] == version
    return frozenset(found[1])


@pytest.mark.parametrize("version", cuda.BINDINGS)
def test_our_code_uses_names_that_there_are(version: str) -> None:
    assert {"IExecutionContext.execute_async_v3", "NetworkDefinitionCreationFlag.STRONGLY_TYPED"} <= ours()
    assert ours() >= RTX_ALONE
    assert ours() - RTX_ALONE - genuine(version) == set()


def test_our_code_uses_names_that_rtx_has() -> None:
    rtx = pytest.importorskip("tensorrt_rtx")
    names = listed(Path(), "tensorrt_rtx", rtx.__version__, Path())
    assert ours() - names == set()


def test_cuda_graphs_use_names_that_there_are() -> None:
    names = listed(cuda.cuda_bindings(), "cuda.bindings.driver", "", Path())
    used_by_us, doubles = used("cuda_graphs", {"driver": ""}), public_names(cuda_bindings)
    assert {"cuStreamBeginCapture", "cuGraphLaunch"} <= used_by_us <= doubles | {"CUstreamCaptureMode"}
    assert used_by_us - names == doubles - names == set()


@pytest.mark.parametrize("version", cuda.BINDINGS)
def test_the_double_has_only_names_that_there_are(version: str) -> None:
    doubles = public_names(tensorrt)
    assert {"ICudaEngine.get_tensor_profile_shape", "ILayer.type", "DataType.HALF"} <= doubles
    assert doubles - genuine(version) == set()
