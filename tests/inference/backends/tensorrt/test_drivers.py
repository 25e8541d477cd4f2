"""Drivers that do not work, each compiled as a library: one line in `doctor`, and the CPU serves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streamseg.client.subscription import subscribe
from streamseg.inference.backends.tensorrt.driver import context_problem, probe
from tests.conftest import ROOT
from tests.fakes.packages import make_package
from tests.parts.cuda import DRIVER, stub_driver
from tests.waiting import time_limit

BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "a stub for linking": (lambda folder: stub_driver(folder, init=34), "is a stub for linking"),
    "a library without functions": (
        lambda folder: stub_driver(folder, empty=True),
        "is not an NVIDIA driver's: it has no cuInit",
    ),
    "a file that is no library": (
        lambda folder: (folder / DRIVER).write_text("# installed by nobody\n"),
        f"{DRIVER} cannot be loaded: ",
    ),
    "an old driver": (
        lambda folder: stub_driver(folder, init=35),
        "is older than this CUDA; update the driver",
    ),
    "library and module of two versions": (
        lambda folder: stub_driver(folder, init=803),
        "library and its kernel module differ in version",
    ),
    "an error without words": (lambda folder: stub_driver(folder, init=999), "does not start (cuInit: 999)"),
    "no GPU": (lambda folder: stub_driver(folder, gpus=0), "the NVIDIA driver finds no GPU"),
    "a GPU without memory": (lambda folder: stub_driver(folder, context=2), "the GPU's memory is full"),
    "a GPU that another process has": (
        lambda folder: stub_driver(folder, context=46),
        "the GPU is taken: another process has it for itself",
    ),
}
KINDS = pytest.mark.parametrize("kind", BROKEN)


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    """Python packages as where a GPU is meant to be used, TensorRT and pycuda, of nothing but names."""
    folder = tmp_path / "libraries"
    files = {
        "tensorrt/__init__.py": "__version__ = '10.16.1.11'\n",
        "pycuda/__init__.py": "",
        "pycuda/driver.py": "",
        "tensorrt_cu13-10.16.1.11.dist-info/METADATA": "Name: tensorrt-cu13\nVersion: 10.16.1.11\n",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


@pytest.fixture
def env(tmp_path: Path, libraries: Path) -> dict[str, str]:
    """Of a process whose driver lies in the folder `driver`."""
    (tmp_path / "driver").mkdir()
    made = {
        "LD_LIBRARY_PATH": str(tmp_path / "driver"),
        "PYTHONPATH": f"{libraries}{os.pathsep}{ROOT}",
        "STREAMSEG_MODEL_PATH": str(make_package(tmp_path / "engines").path.parent),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    return {**os.environ, **made}


def doctor(env: dict[str, str]) -> dict[str, str]:
    """What it says, by the first words of each line."""
    command = [sys.executable, "-m", "streamseg", "doctor"]
    told = subprocess.run(
        command, env=env, capture_output=True, text=True, check=True, timeout=time_limit(120)
    )
    assert told.stderr == ""
    return {line[:28].strip(): line[29:] for line in told.stdout.splitlines()}


@KINDS
def test_a_driver_that_does_not_work_has_one_line(kind: str, tmp_path: Path) -> None:
    make, words = BROKEN[kind]
    make(tmp_path)
    library = str(tmp_path / DRIVER)
    problem = probe(library).why_not or context_problem(library=library)
    assert words in problem
    assert "\n" not in problem


@KINDS
def test_doctor_tells_it_and_finds_the_cpu_usable(kind: str, env: dict[str, str], tmp_path: Path) -> None:
    make, words = BROKEN[kind]
    make(tmp_path / "driver")
    told = doctor(env)
    assert told["GPU"].startswith("no: ")
    assert words in told["GPU"]
    assert words in told["backend tensorrt"]
    assert ", f32" in told["backend onnxruntime"]


def test_doctor_tells_what_a_driver_too_old_for_a_library_lacks(env: dict[str, str], tmp_path: Path) -> None:
    stub_driver(tmp_path / "driver", version=12080)
    told = doctor(env)
    assert told["GPU"] == "NVIDIA stub; driver unknown, CUDA 12.8"
    expected = "no: the NVIDIA driver serves CUDA 12.8, tensorrt needs 13: update the driver"
    assert told["backend tensorrt"] == expected


def test_doctor_tells_a_pycuda_that_cannot_be_imported(
    env: dict[str, str], tmp_path: Path, libraries: Path
) -> None:
    stub_driver(tmp_path / "driver")
    assert doctor(env)["backend tensorrt"] == "10.16.1.11, f16 or f32 or int8"
    (libraries / "pycuda" / "driver.py").write_text("raise ImportError('undefined symbol: cuCtxCreate_v4')\n")
    (line,) = [doctor(env)["backend tensorrt"]]
    assert line.startswith(
        "no: pycuda is installed but cannot be imported (undefined symbol: cuCtxCreate_v4); "
    )
    assert line.endswith("pip install --force-reinstall --no-cache-dir 'streamseg[cuda]' builds it again")


@pytest.mark.parametrize(
    ("backend", "kind", "said"),
    [
        (
            "auto",
            "a GPU that another process has",
            "no GPU is used: backend tensorrt is not usable: the GPU is taken",
        ),
        (
            "auto",
            "a GPU without memory",
            "no GPU is used: backend tensorrt is not usable: the GPU's memory is full",
        ),
        (
            "auto",
            "a stub for linking",
            "no GPU is used: backend tensorrt is not usable: the CUDA library found",
        ),
        ("tensorrt", "an old driver", "is older than this CUDA; update the driver; trying another backend"),
    ],
)
def test_the_daemon_says_so_once_and_serves_on_the_cpu(
    backend: str, kind: str, said: str, env: dict[str, str], tmp_path: Path
) -> None:
    BROKEN[kind][0](tmp_path / "driver")
    address = f"ipc://{tmp_path}/masks"
    source = "lavfi:testsrc2=size=96x64:rate=25:duration=2"
    options = [
        "--source",
        source,
        "--name",
        "gate",
        "--model",
        "tiny",
        "--bind",
        address,
        "--backend",
        backend,
    ]
    command = [sys.executable, "-m", "streamseg", "run", *options]
    with subscribe(address, stream="gate", latest=False, timeout_s=time_limit(90)) as masks:
        process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        try:
            assert next(masks).labels.shape == (48, 64)
            _, log = process.communicate(timeout=time_limit(90))
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0
    assert log.count(said) == 1, log
    assert "Traceback" not in log
