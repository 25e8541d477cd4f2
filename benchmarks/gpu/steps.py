"""The steps of the GPU check, in order: what a borrowed GPU's minutes are spent on first stands first."""

from __future__ import annotations

import sys
from dataclasses import dataclass

PACKAGE = "street-lite0"
_MACHINE = (
    "nvidia-smi; nproc; free -m; "
    f"{sys.executable} -m pip list 2>/dev/null | grep -iE 'cuda|onnx|tensorrt|numpy|opencv|pytest'"
)
_PYTEST = ("-m", "pytest", "-p", "pytest_timeout", "-m", "gpu", "-q", "-ra", "-p", "no:cacheprovider")


@dataclass(frozen=True, slots=True)
class Step:
    """A command with a time limit.

    Attributes:
        name: As results name it.
        seconds: How long it may take.
        command: The program and its arguments.
        required: The check fails where this does.
    """

    name: str
    seconds: int
    command: tuple[str, ...]
    required: bool = True


# A stand-in driver captures no CUDA graphs
_NOT_ON_A_STAND_IN = ("tensorrt-graphs",)


def steps(*, dry_run: bool = False) -> list[Step]:
    """All steps.

    Args:
        dry_run: On a stand-in driver: ONNX Runtime computes on the CPU, and daemons run for seconds only.
    """
    cuda, provider = ("onnxruntime", "CPU") if dry_run else ("onnxruntime-cuda", "CUDA")
    seconds, rounds = ("3", "5") if dry_run else ("20", "100")
    made = [
        *_first(cuda, f"{provider}ExecutionProvider", seconds, rounds),
        *_tensorrt(seconds, rounds),
        *_tests(" and not rtx" if dry_run else ""),
    ]
    return [step for step in made if not (dry_run and step.name in _NOT_ON_A_STAND_IN)]


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return _python("-m", f"benchmarks.{name}", *arguments)


def _first(cuda: str, provider: str, seconds: str, rounds: str) -> list[Step]:
    frames = (PACKAGE, "--backend", cuda, "--precision", "f32", "--rounds", rounds)
    return [
        Step("machine", 30, ("bash", "-c", _MACHINE), required=False),
        Step("masks-cuda", 90, _module("gpu.masks", cuda, "f32", "--equal", "0.999")),
        Step("daemon-cuda", 60, _module("gpu.daemon", cuda, "f32", "--seconds", seconds)),
        Step("doctor", 60, _python("-m", "streamseg", "doctor")),
        Step("frames-cuda", 60, _module("latency", *frames)),
        Step("placements", 90, _module("gpu.placements", provider)),
        Step("device", 90, _module("gpu.device")),
    ]


def _tensorrt(seconds: str, rounds: str) -> list[Step]:
    build = ("-m", "streamseg", "model", "build", PACKAGE, "--backend", "tensorrt", "--precision")
    frames = (PACKAGE, "--backend", "tensorrt", "--precision", "f16", "--batches", "1", "4")
    f32 = ("gpu.masks", "tensorrt", "f32", "--equal", "0.999")
    return [
        Step("tensorrt-build-f16", 120, _python(*build, "f16")),
        Step("tensorrt-masks-f16", 60, _module("gpu.masks", "tensorrt", "f16", "--equal", "0.99")),
        Step("tensorrt-daemon-f16", 60, _module("gpu.daemon", "tensorrt", "f16", "--seconds", seconds)),
        Step("tensorrt-build-f32", 120, _python(*build, "f32")),
        Step("tensorrt-masks-f32", 60, _module(*f32)),
        Step("tensorrt-graphs", 60, _module(*f32, "--cuda-graphs")),
        Step("tensorrt-frames", 60, _module("latency", *frames, "--rounds", rounds)),
    ]


def _tests(without: str) -> list[Step]:
    test = _python(*_PYTEST, "tests/inference/backends/tensorrt", "tests/contracts", "-k")
    return [
        Step("pytest-gpu", 150, (*test, f"not two_hundred{without}")),
        Step("pytest-gpu-leaks", 120, (*test, f"two_hundred{without}")),
    ]
