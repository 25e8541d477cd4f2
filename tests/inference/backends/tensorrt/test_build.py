"""The builder's double; `test_rtx.py` has the genuine one."""

from __future__ import annotations

import pickle
from dataclasses import replace
from enum import IntEnum
from typing import Any

import pytest

from streamseg.errors import EngineError
from streamseg.inference.backends.tensorrt.build import Batches, BuildRequest, build_plan
from streamseg.inference.backends.tensorrt.prepare import prepared
from streamseg.inference.packages.package import Package
from tests.fakes import tensorrt
from tests.fakes.tensorrt import Builder, IBuilderConfig, ILogger, ITimingCache, MemoryPoolType
from tests.inference.backends.tensorrt.graphs import FLOAT, model, node


@pytest.fixture
def request_(package: Package) -> BuildRequest:
    content = prepared((package.path / "segmenter.onnx").read_bytes(), "segmenter", "f32")
    return BuildRequest(content, "tiny/segmenter", "f32", Batches(1, 2, 4))


def configured() -> IBuilderConfig:
    assert Builder._last is not None
    return Builder._last


def test_a_plan_is_of_the_graph_and_called_by_its_label(request_: BuildRequest) -> None:
    built = build_plan(tensorrt, request_)
    onnx, name, shapes = pickle.loads(built.plan)  # noqa: S301 made by the double
    assert onnx == request_.onnx
    assert name == request_.label == "tiny/segmenter f32"
    assert shapes == {"image": (4, 48, 64, 3)}
    assert built.timing is None


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("create_network", "network"),
        ("create_builder_config", "configuration"),
        ("create_optimization_profile", "profile"),
    ],
)
def test_what_tensorrt_does_not_make_is_an_error(
    request_: BuildRequest, monkeypatch: pytest.MonkeyPatch, call: str, what: str
) -> None:
    monkeypatch.setattr(Builder, call, lambda *_: None)
    with pytest.raises(EngineError, match=f"^tiny/segmenter: TensorRT makes no {what}: TensorRT gave no"):
        build_plan(tensorrt, request_)


def test_times_that_cannot_be_kept_are_not(request_: BuildRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ITimingCache, "serialize", lambda _cache: None)
    assert build_plan(tensorrt, request_, timing=b"").timing is None


def test_f32_is_no_tf32(request_: BuildRequest) -> None:
    build_plan(tensorrt, request_)
    assert not configured()._tf32


def test_limits_of_memory(request_: BuildRequest) -> None:
    build_plan(tensorrt, request_)
    assert configured()._limits == {}
    build_plan(tensorrt, replace(request_, workspace_mb=512, tactic_mb=2048))
    assert configured()._limits == {
        MemoryPoolType.WORKSPACE: 512 << 20,
        MemoryPoolType.TACTIC_DRAM: 2048 << 20,
    }


def test_times_are_kept_for_the_next_build(request_: BuildRequest) -> None:
    first = build_plan(tensorrt, request_, timing=b"")
    assert first.timing == b"."
    assert build_plan(tensorrt, request_, timing=first.timing).timing == b".."


def test_times_of_another_tensorrt_are_begun_anew(request_: BuildRequest) -> None:
    assert build_plan(tensorrt, request_, timing=b"of another TensorRT").timing == b"."


def test_a_timing_cache_that_is_refused_is_done_without(
    request_: BuildRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(IBuilderConfig, "set_timing_cache", lambda *_: False)
    assert build_plan(tensorrt, request_, timing=b"").timing is None


def test_batches_that_cannot_be_are_refused_with_the_reason(request_: BuildRequest) -> None:
    with pytest.raises(
        EngineError, match=r"refuses batches of 3 to 4 pictures, tuned for 2: .*MIN<=OPT<=MAX"
    ):
        build_plan(tensorrt, replace(request_, batches=Batches(3, 2, 4)))


def test_what_is_no_graph(request_: BuildRequest) -> None:
    with pytest.raises(EngineError, match="tiny/segmenter: TensorRT cannot take it: "):
        build_plan(tensorrt, replace(request_, onnx=request_.onnx[:500]))


def test_an_operator_it_does_not_know_is_named(request_: BuildRequest) -> None:
    graph = model([node("Det", "x", "y", name="odd")], [("x", FLOAT, ["N", 2, 2])], [("y", FLOAT, ["N"])])
    with pytest.raises(EngineError, match=r"node odd \(Det\): no importer"):
        build_plan(tensorrt, replace(request_, onnx=graph.SerializeToString()))


def test_half_precision_that_is_none_is_noticed(request_: BuildRequest) -> None:
    with pytest.raises(EngineError, match=r"f16 was asked for, but 2 of its 2 convolutions are not: "):
        build_plan(tensorrt, replace(request_, precision="f16"))


def test_half_precision_that_is_one(package: Package, request_: BuildRequest) -> None:
    content = prepared((package.path / "segmenter.onnx").read_bytes(), "segmenter", "f16")
    assert build_plan(tensorrt, replace(request_, onnx=content, precision="f16")).plan


def test_int8_that_is_none_is_noticed(request_: BuildRequest) -> None:
    with pytest.raises(EngineError, match="int8 was asked for, but nothing in the graph is quantised"):
        build_plan(tensorrt, replace(request_, precision="int8"))


def test_another_gpu_is_beyond_plain_tensorrt(request_: BuildRequest) -> None:
    with pytest.raises(EngineError, match="cannot build for SM86 away from its GPU"):
        build_plan(tensorrt, replace(request_, capabilities=((8, 6),)))


@pytest.mark.parametrize("taken", [True, False])
def test_gpus_that_are_not_here(request_: BuildRequest, monkeypatch: pytest.MonkeyPatch, taken: bool) -> None:
    """Names of TensorRT-RTX alone."""
    kinds = IntEnum("kinds", {"SM86": 1, "SM120": 2})
    aimed: dict[int, Any] = {}

    def aim(_config: IBuilderConfig, kind: Any, index: int) -> bool:
        aimed[index] = kind
        return taken

    monkeypatch.setattr(tensorrt, "ComputeCapability", kinds, raising=False)
    monkeypatch.setattr(IBuilderConfig, "set_compute_capability", aim, raising=False)
    wanted = replace(request_, capabilities=((8, 6), (12, 0)))
    if taken:
        assert build_plan(tensorrt, wanted).plan
        assert list(aimed.values()) == list(kinds)
    else:
        with pytest.raises(EngineError, match="TensorRT cannot build for SM86"):
            build_plan(tensorrt, wanted)


def test_progress_is_told(request_: BuildRequest) -> None:
    steps: list[tuple[str, int, int]] = []

    def note(*step: Any) -> bool:
        steps.append(step)
        return True

    build_plan(tensorrt, request_, progress=note)
    assert steps == [("Building engine", done, 3) for done in (0, 0, 1, 2)]


def test_it_can_be_stopped(request_: BuildRequest) -> None:
    with pytest.raises(EngineError, match="building for TensorRT was stopped: Build canceled by user"):
        build_plan(tensorrt, request_, progress=lambda _phase, done, _total: done < 1)


def test_a_build_that_fails(request_: BuildRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(builder: Builder, *_: Any) -> None:
        builder._logger.log(ILogger.ERROR, "out of memory")

    monkeypatch.setattr(Builder, "build_serialized_network", fail)
    with pytest.raises(EngineError, match="tiny/segmenter: building for TensorRT failed: out of memory"):
        build_plan(tensorrt, request_)


def test_a_builder_that_does_not_start(request_: BuildRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_self: Builder, logger: ILogger) -> None:
        logger.log(ILogger.ERROR, "CUDA initialization failure")
        raise TypeError("pybind11::init(): factory function returned nullptr")

    monkeypatch.setattr(Builder, "__init__", nothing)
    with pytest.raises(EngineError, match="builder does not start: CUDA initialization failure"):
        build_plan(tensorrt, request_)
