from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from streamseg.errors import EngineError
from streamseg.inference.backend import Settings
from streamseg.inference.backends import execution_providers, ort
from streamseg.inference.backends.execution_providers import (
    CPU,
    OTHERS,
    Gpu,
    device_name,
    explained,
    open_session,
    why_not,
)
from streamseg.inference.backends.one_node_graphs import RELU
from streamseg.inference.backends.tensorrt import driver
from streamseg.inference.backends.tensorrt.driver import DriverState
from streamseg.inference.packages.package import Package
from tests.fakes.provider import HOST, known
from tests.waiting import time_limit

ROOT = Path(__file__).resolve().parents[3]
CUDA, TENSORRT = OTHERS["cuda"], OTHERS["tensorrt"]
EVERYWHERE = [CPU.library, CUDA.library, TENSORRT.library]
HERE = DriverState(
    (driver.Gpu("NVIDIA H200", (9, 0), integrated=False), driver.Gpu("RTX A2000", (8, 6), integrated=False)),
    "13.0",
    "580.95.05",
)


@pytest.fixture(autouse=True)
def unprepared() -> Iterator[None]:
    """What is done once a process is done once a test."""
    execution_providers._prepare_cuda.cache_clear()
    yield
    execution_providers._prepare_cuda.cache_clear()


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """ONNX Runtime that lists NVIDIA's providers, which it cannot start, as its CUDA build does."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: EVERYWHERE)
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    return monkeypatch


@pytest.fixture
def driven(listed: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The same on a machine whose driver and GPUs are all right."""
    listed.setattr(execution_providers, "probe", lambda: HERE)
    listed.setattr(execution_providers, "context_problem", lambda _index: "")
    return listed


class Session:
    """A session that runs nothing; keeps what it was opened with."""

    asked: Any = None

    def __init__(self, _model: Any, _options: Any, providers: Any, enable_fallback: int) -> None:
        assert not enable_fallback
        type(self).asked = providers

    def disable_fallback(self) -> None: ...

    def get_providers(self) -> list[str]:
        return [name for name, _ in type(self).asked]


def test_the_cpu_is_usable() -> None:
    assert why_not(CPU) == ""


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_one_that_is_not_installed_names_what_is_and_what_brings_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU.library])
    problem = why_not(OTHERS[name])
    assert f"as installed has cpu; {name} comes with {OTHERS[name].package}" in problem


def test_the_driver_is_asked_before_cuda(listed: pytest.MonkeyPatch) -> None:
    for what in ("InferenceSession", "preload_dlls"):
        listed.setattr(onnxruntime, what, None, raising=False)  # would be an error to call
    listed.setattr(
        execution_providers, "probe", lambda: DriverState(why_not="no NVIDIA driver on this machine")
    )
    assert why_not(CUDA) == "no NVIDIA driver on this machine"


@pytest.mark.parametrize(
    ("built_for", "problem"),
    [
        ("14.0", "the NVIDIA driver serves CUDA 13.0, this onnxruntime-gpu needs 14: update the driver"),
        ("13.4", ""),  # within a major version every driver serves every library
        ("12.8", ""),
        (None, ""),  # it does not say
    ],
)
def test_a_driver_older_than_the_cuda_of_the_build(
    driven: pytest.MonkeyPatch, built_for: str | None, problem: str
) -> None:
    driven.setattr(onnxruntime, "cuda_version", built_for, raising=False)
    assert execution_providers._gpu_problem(Gpu()) == problem


def test_a_gpu_that_is_full_or_taken(driven: pytest.MonkeyPatch) -> None:
    driven.setattr(execution_providers, "context_problem", lambda index: f"GPU {index} is full")
    assert why_not(CUDA, Gpu(1)) == "GPU 1 is full"


@pytest.mark.usefixtures("driven")
def test_a_gpu_that_there_is_not() -> None:
    expected = "there is no GPU 2: the NVIDIA driver finds 2, counted from 0"
    assert why_not(CUDA, Gpu(2)) == expected


@pytest.mark.parametrize(("version", "old"), [("1.20.1", True), ("1.21.0", False), ("2.0.0", False)])
def test_one_too_old_for_the_shipped_packages(driven: pytest.MonkeyPatch, version: str, old: bool) -> None:
    """Whose CUDA provider would leave ArgMax to the CPU."""
    driven.setattr(onnxruntime, "__version__", version)
    expected = f"onnxruntime-gpu is {version}, too old: 1.21 or newer is needed"
    assert (why_not(CUDA) == expected) == old


@pytest.mark.usefixtures("driven")
@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.parametrize(("provider", "needs"), [(CUDA, "CUDA and"), (TENSORRT, "TensorRT 10, CUDA and")])
def test_one_that_is_listed_but_does_not_start_is_not_usable(provider: Any, needs: str) -> None:
    """The loader says which library it is: here it is the provider's own that the installed build has not."""
    said = why_not(provider)
    assert said.startswith(f"{provider.name} is installed but does not start: ")
    assert f"libonnxruntime_providers_{provider.name}.so: cannot open" in said
    assert said.endswith(f"(it needs {needs} cuDNN: pip install 'onnxruntime-gpu[cuda,cudnn]')")


def test_a_session_that_fails_while_it_runs_does_not_go_on_on_the_cpu() -> None:
    session = open_session(RELU, onnxruntime.SessionOptions(), HOST)
    assert not session._enable_fallback


@pytest.mark.usefixtures("driven")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_package_never_runs_on_the_cpu_instead(package: Package) -> None:
    with pytest.raises(EngineError, match="cuda is installed but does not start"):
        ort.OnProvider("cuda").load(package, Settings("f32", 1, None))


@pytest.mark.usefixtures("driven")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_nor_does_the_part_of_it_that_a_provider_cannot_run(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ort, "why_not", lambda *_: "")  # it starts, and then leaves nodes to the CPU
    with pytest.raises(EngineError, match=r"segmenter\.onnx: onnxruntime-cuda cannot run all of it: "):
        ort.OnProvider("cuda").load(package, Settings("f32", 1, None))


def test_a_session_that_fell_back_all_the_same_is_refused(driven: pytest.MonkeyPatch) -> None:
    driven.setattr(onnxruntime, "InferenceSession", Session)
    driven.setattr(Session, "get_providers", lambda _self: [CPU.library])
    with pytest.raises(EngineError, match=r"onnxruntime-cuda did not start: .* fell back to CPUExecution"):
        open_session(RELU, onnxruntime.SessionOptions(), CUDA)


@pytest.mark.parametrize("limit_mb", [0, 512])
def test_cuda_is_told_which_gpu_how_much_of_it_and_to_compute_in_float32(
    driven: pytest.MonkeyPatch, limit_mb: int
) -> None:
    driven.setattr(onnxruntime, "InferenceSession", Session)
    open_session(RELU, onnxruntime.SessionOptions(), CUDA, Gpu(1, limit_mb))
    limit = {"gpu_mem_limit": str(512 << 20)} if limit_mb else {}
    assert Session.asked == [(CUDA.library, {"device_id": "1", "use_tf32": "0", **limit})]


def test_what_tensorrt_leaves_over_cuda_takes_on_the_same_gpu(driven: pytest.MonkeyPatch) -> None:
    driven.setattr(onnxruntime, "InferenceSession", Session)
    open_session(RELU, onnxruntime.SessionOptions(), TENSORRT, Gpu(1, 512))
    limit = str(512 << 20)
    assert Session.asked == [
        (TENSORRT.library, {"device_id": "1", "trt_max_workspace_size": limit}),
        (CUDA.library, {"device_id": "1", "use_tf32": "0", "gpu_mem_limit": limit}),
    ]
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"  # TensorRT's provider has no option for it


def test_cudas_libraries_are_loaded_once_and_what_that_prints_is_no_output(
    driven: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    def preload() -> None:
        calls.append(1)
        print("Failed to load libcudnn.so.9")

    driven.setattr(onnxruntime, "preload_dlls", preload, raising=False)
    driven.setattr(onnxruntime, "InferenceSession", Session)
    with caplog.at_level("DEBUG", execution_providers.__name__):
        for _ in range(2):
            open_session(RELU, onnxruntime.SessionOptions(), CUDA)
    assert calls == [1]
    assert capsys.readouterr().out == ""
    assert "Failed to load libcudnn.so.9" in caplog.text


def test_an_onnx_runtime_that_cannot_preload_does_without(driven: pytest.MonkeyPatch) -> None:
    driven.delattr(onnxruntime, "preload_dlls", raising=False)  # before 1.21
    driven.setattr(onnxruntime, "InferenceSession", Session)
    open_session(RELU, onnxruntime.SessionOptions(), CUDA)


def test_the_cpu_and_others_leave_the_environment_alone(listed: pytest.MonkeyPatch) -> None:
    open_session(RELU, onnxruntime.SessionOptions(), HOST)
    assert "NVIDIA_TF32_OVERRIDE" not in os.environ


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc", "the GPU's memory is full"),
        (
            "Available memory of 9 is smaller than requested bytes: Failed to allocate memory",
            "the GPU's memory is",
        ),
        ("CUDA failure 46: all CUDA-capable devices are busy or unavailable ; GPU=0", "the GPU is taken"),
        ("CUDA failure 35: CUDA driver version is insufficient", "the NVIDIA driver is older than this CUDA"),
        ("CUDA failure 100: no CUDA-capable device is detected", "the NVIDIA driver finds no GPU"),
        ("CUDA failure 700: an illegal memory access was encountered", "CUDA failure 700: an illegal memory"),
        ("a first line\nwhat it is about", "what it is about"),
    ],
)
def test_what_cuda_refuses_is_said_in_plain_words(text: str, expected: str) -> None:
    said = explained(RuntimeError(text))
    assert said.startswith(expected)
    assert "\n" not in said


@pytest.mark.usefixtures("driven")
def test_the_gpu_has_a_name() -> None:
    assert device_name(CUDA, Gpu()) == device_name(TENSORRT, Gpu()) == "NVIDIA H200"
    assert device_name(CUDA, Gpu(1)) == "RTX A2000"
    assert device_name(OTHERS["openvino"], Gpu()) == "openvino"


def test_one_that_works_loads_under_its_own_name(package: Package) -> None:
    """The CPU in the part of another provider: the way there is the same."""
    with known():
        backend = ort.OnProvider(HOST.name)
    report, info = backend.report(), backend.load(package, Settings("f32", 1, None)).info
    assert (report.name, report.usable, report.precisions[0]) == ("onnxruntime-host", True, "f32")
    assert (info.backend, info.device) == ("onnxruntime-host", "host")


LABELS = """
import numpy as np
from streamseg.inference.backends import ort
from streamseg.inference.backend import Settings
from streamseg.inference.packages.package import open_package

package, settings = open_package("camvid-lite0"), Settings("f32", 1, None, max_batch=2)
plain, device = ort.load(package, settings), ort.OnProvider("openvino").load(package, settings)
device.warm_up()
(width, height), memory = package.manifest.size_wh, package.manifest.memory
pasts = [engine.fresh_memory() for engine in (plain, device)]
for seed in range(3):
    random = np.random.default_rng(seed)
    patches = random.integers(0, 256, (1, height // 40, width // 40, 3), dtype=np.uint8)
    picture = patches.repeat(40, 1).repeat(40, 2)
    guide = random.random((1, 1, memory.height, memory.width), dtype=np.float32)
    flow = random.normal(0, 1, (1, 2, memory.height, memory.width)).astype(np.float32)
    labels = []
    for index, engine in enumerate((plain, device)):
        masks, pasts[index] = engine.start(picture).stabilise(guide, flow, pasts[index])
        labels.append(masks.labels)
    print(float((labels[0] == labels[1]).mean()))
"""


@pytest.fixture(scope="module")
def another_build(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds the OpenVINO build of ONNX Runtime before the installed one."""
    folder = tmp_path_factory.mktemp("onnxruntime-openvino")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
    subprocess.run([*pip, "onnxruntime-openvino"], check=True, timeout=time_limit(300))
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "XDG_CACHE_HOME": str(folder)}


@pytest.mark.real
def test_another_builds_provider_runs_and_is_listed(another_build: dict[str, str]) -> None:
    doctor = [sys.executable, "-m", "streamseg", "doctor"]
    done = subprocess.run(
        doctor, env=another_build, capture_output=True, text=True, check=True, timeout=time_limit(120)
    )
    lines = dict(line.removeprefix("backend ").split(maxsplit=1) for line in done.stdout.splitlines())
    assert ", f32" in lines["onnxruntime-openvino"]
    assert "has cpu, openvino; cuda comes with onnxruntime-gpu" in lines["onnxruntime-cuda"]


@pytest.mark.real
def test_another_builds_provider_takes_the_shipped_package_whole(another_build: dict[str, str]) -> None:
    """With N open it left nodes of the stabiliser to the CPU, which is refused."""
    command = [sys.executable, "-c", LABELS]
    done = subprocess.run(
        command, env=another_build, capture_output=True, text=True, check=True, timeout=time_limit(300)
    )
    shares = list(map(float, done.stdout.split()))
    assert len(shares) == 3
    assert min(shares) > 0.9999
