from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import replace
from functools import partial
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamseg.errors import EngineError, MissingExtraError, PackageError
from streamseg.inference.backend import Settings
from streamseg.inference.backends.tensorrt import provider
from streamseg.inference.backends.tensorrt.driver import DriverState, Gpu
from streamseg.inference.backends.tensorrt.provider import (
    RTX,
    STANDARD,
    chosen,
    open_plans,
    requests,
    tactic_limit_mb,
)
from streamseg.inference.cache.store import CompileCache
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package
from tests.fakes import cuda_bindings, pycuda, tensorrt
from tests.fakes.gpu import INFO, gpu_plans
from tests.fakes.int8 import add_int8
from tests.fakes.packages import Tiny, make_package
from tests.fakes.pycuda import World
from tests.parts.cuda import BINDINGS

HERE = DriverState((Gpu("RTX A2000", (8, 6), integrated=False),), "13.0", "580.95.05")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine where everything is there, of paper."""
    monkeypatch.setattr(provider, "probe", lambda: HERE)
    monkeypatch.setattr(provider, "context_problem", lambda: "")
    monkeypatch.setattr(provider, "built_for", lambda _module: "12")
    for name, module in (("tensorrt", tensorrt), ("pycuda", pycuda), ("pycuda.driver", pycuda)):
        monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr(module, "__spec__", ModuleSpec(name, None), raising=False)
    monkeypatch.setattr(provider, "open_plans", partial(open_plans, pop=lambda: None))
    return monkeypatch


def test_without_a_driver_the_drivers_words_are_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "probe", lambda: DriverState(why_not="no NVIDIA driver on this machine"))
    report = STANDARD.report()
    assert (report.name, report.usable, report.version) == ("tensorrt", False, "")
    assert report.why_not == "no NVIDIA driver on this machine"


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("tensorrt", r"tensorrt is not installed: pip install 'streamseg[tensorrt]'"),
        ("pycuda", r"pycuda is not installed: pip install 'streamseg[cuda]'"),
        ("onnx", r"onnx is not installed: pip install 'streamseg[tensorrt]'"),
    ],
)
def test_what_is_missing_is_named_with_its_extra(
    installed: pytest.MonkeyPatch, missing: str, words: str
) -> None:
    find = importlib.util.find_spec
    installed.setattr(provider, "find_spec", lambda name: None if name == missing else find(name))
    assert STANDARD.report().why_not == words


def test_an_old_tensorrt_is_named(installed: pytest.MonkeyPatch) -> None:
    installed.setattr(tensorrt, "__version__", "8.6.1")
    assert STANDARD.report().why_not == "tensorrt is 8.6.1, too old: 10 or newer is needed"


def test_a_tensorrt_whose_libraries_are_missing_is_named(
    installed: pytest.MonkeyPatch, package: Package
) -> None:
    def absent(name: str) -> Any:
        raise ImportError(f"libnvinfer.so.11: cannot open shared object file, for {name}")

    installed.setattr(provider, "import_module", absent)
    words = "tensorrt is installed but cannot be imported: libnvinfer.so.11: cannot open"
    assert STANDARD.report().why_not.startswith(words)
    with pytest.raises(EngineError, match=words):
        STANDARD.missing(package, Settings("f16", 1, None))


@pytest.mark.parametrize("made", [None, TypeError("factory function returned nullptr")])
def test_a_runtime_that_does_not_start_is_an_error(
    installed: pytest.MonkeyPatch, package: Package, made: TypeError | None
) -> None:
    def runtime(_logger: Any) -> None:
        if made is not None:
            raise made

    installed.setattr(tensorrt, "Runtime", runtime)
    with pytest.raises(EngineError, match="tiny: TensorRT's runtime does not start: TensorRT gave no reason"):
        STANDARD.load(package, Settings("f16", 1, None))


def test_an_old_gpu_is_named(installed: pytest.MonkeyPatch) -> None:
    installed.setattr(provider, "probe", lambda: DriverState((Gpu("Old", (6, 1), integrated=False),)))
    assert RTX.report().why_not == "Old has compute capability 6.1, tensorrt_rtx needs 7.5"


def test_a_gpu_that_is_no_workstations_is_named(installed: pytest.MonkeyPatch) -> None:
    gpu = Gpu("NVIDIA H200", (9, 0), integrated=False)
    installed.setattr(provider, "probe", lambda: DriverState((gpu,)))
    assert RTX.report().why_not == "NVIDIA H200 has compute capability 9.0, which tensorrt_rtx leaves out"
    assert STANDARD.report().usable


@pytest.mark.parametrize("version", BINDINGS)
def test_where_all_is_there_it_is_usable(installed: pytest.MonkeyPatch, version: str) -> None:
    installed.setattr(tensorrt, "__version__", version)
    report = STANDARD.report()
    assert (report.usable, report.why_not) == (True, "")
    assert (report.version, report.precisions) == (version, ("f16", "f32", "int8"))


def test_a_gpu_that_is_full_or_taken_is_not_usable(installed: pytest.MonkeyPatch) -> None:
    installed.setattr(provider, "context_problem", lambda: "the GPU's memory is full")
    assert (STANDARD.report().usable, STANDARD.report().why_not) == (False, "the GPU's memory is full")


@pytest.mark.parametrize(
    "error",
    [ImportError("libcuda.so.1: cannot open"), RuntimeError("built for NumPy 1"), OSError("no library")],
)
def test_a_pycuda_that_cannot_be_imported_is_named_with_its_extra(
    installed: pytest.MonkeyPatch, error: Exception
) -> None:
    def importing(name: str) -> Any:
        if name == "pycuda.driver":
            raise error
        return importlib.import_module(name)

    installed.setattr(provider, "import_module", importing)
    report = STANDARD.report()
    assert not report.usable
    assert report.why_not.startswith(f"pycuda is installed but cannot be imported ({error}); ")
    assert "'streamseg[cuda]'" in report.why_not
    with pytest.raises(EngineError, match="tensorrt is not usable: pycuda is installed but cannot"):
        STANDARD.machine()


@pytest.mark.parametrize(
    ("installed_packages", "expected"),
    [
        ({"tensorrt-cu12"}, "12"),
        ({"tensorrt-cu13"}, "13"),
        ({"tensorrt-cu12", "tensorrt-cu13"}, ""),
        (set(), ""),
    ],
)
def test_the_cuda_of_a_library_is_in_its_packages_name(
    monkeypatch: pytest.MonkeyPatch, installed_packages: set[str], expected: str
) -> None:
    def version(name: str) -> str:
        if name in installed_packages:
            return "10.16.1.11"
        raise PackageNotFoundError(name)

    monkeypatch.setattr(provider, "version", version)
    assert provider.built_for("tensorrt") == expected
    assert provider.built_for("tensorrt_rtx") == ""


def test_a_driver_too_old_for_the_library_is_named(installed: pytest.MonkeyPatch) -> None:
    installed.setattr(provider, "probe", lambda: replace(HERE, cuda="12.8"))
    installed.setattr(provider, "built_for", lambda _module: "13")
    expected = "the NVIDIA driver serves CUDA 12.8, tensorrt needs 13: update the driver"
    assert STANDARD.report().why_not == expected


@pytest.mark.parametrize(("asked", "precision"), [("auto", "f16"), ("f16", "f16"), ("f32", "f32")])
def test_a_package_is_built_and_loaded(
    installed: pytest.MonkeyPatch, package: Package, world: World, asked: Any, precision: str
) -> None:
    engine = STANDARD.load(package, Settings(asked, 1, None, max_batch=2))
    assert engine.info.precision == precision
    assert engine.info.device == "RTX A2000"
    assert precision in engine.info.why
    assert engine.most == 2
    engine.warm_up()
    assert engine.start(np.zeros((2, 48, 64, 3), np.uint8)).readout().labels.shape == (2, 48, 64)
    engine.close()
    assert not world.taken


def test_what_was_built_ahead_is_loaded_without_building(
    installed: pytest.MonkeyPatch, package: Package, tmp_path: Path, world: World
) -> None:
    settings = Settings("f16", 1, tmp_path / "cache", max_batch=2)
    assert STANDARD.missing(package, settings) == ("segmenter", "stabiliser", "readout")
    info = STANDARD.build(package, settings, lambda *_: True)
    assert (info.backend, info.precision, info.device) == ("tensorrt", "f16", "RTX A2000")
    assert not world.taken
    assert STANDARD.missing(package, settings) == ()
    installed.setattr(tensorrt, "Builder", None)
    STANDARD.load(package, settings).close()


def test_a_build_can_be_stopped_and_keeps_nothing(
    installed: pytest.MonkeyPatch, package: Package, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match="was stopped"):
        STANDARD.build(package, Settings("f16", 1, tmp_path), lambda *_: False)
    assert CompileCache(tmp_path).entries() == []


def test_the_machine_is_the_gpu_its_driver_and_the_library(installed: pytest.MonkeyPatch) -> None:
    here = STANDARD.machine()
    assert (here.backend, here.version) == ("tensorrt", tensorrt.__version__)
    assert (here.device, here.capability, here.driver) == ("RTX A2000", "8.6", "580.95.05, CUDA 13.0")


def test_in_int8_the_segmenter_is_another_graph(
    installed: pytest.MonkeyPatch, package: Package, world: World
) -> None:
    package = add_int8(package)
    assert [request.label for request in requests(package, "int8", 1).values()] == [
        "tiny/segmenter int8",
        "tiny/stabiliser f16",
        "tiny/readout f16",
    ]
    engine = STANDARD.load(package, Settings("int8", 1, None))
    engine.warm_up()
    assert engine.info.precision == "int8"
    engine.close()


@pytest.mark.parametrize("integrated", [True, False])
def test_a_jetson_keeps_memory_for_others_while_it_builds(
    installed: pytest.MonkeyPatch, package: Package, integrated: bool
) -> None:
    orin = Gpu("Orin", (8, 7), integrated=integrated)
    installed.setattr(provider, "probe", lambda: DriverState((orin,), "12.6", "540.4.0"))
    STANDARD.load(package, Settings("f32", 1, None)).close()
    assert tensorrt.Builder._last is not None
    limit_mb = tactic_limit_mb(orin)
    assert (limit_mb > 0) == integrated
    assert tensorrt.Builder._last._limits == (
        {tensorrt.MemoryPoolType.TACTIC_DRAM: limit_mb << 20} if integrated else {}
    )


def test_cuda_graphs_where_they_are_asked_for(
    installed: pytest.MonkeyPatch, package: Package, world: World
) -> None:
    settings = Settings("f32", 1, None, cuda_graphs=True)
    installed.setitem(sys.modules, "cuda.bindings.driver", None)
    with pytest.raises(MissingExtraError, match=r"engine\.cuda_graphs needs the 'cuda-graphs' extra"):
        STANDARD.load(package, settings)
    installed.setitem(sys.modules, "cuda.bindings.driver", cuda_bindings)
    engine = STANDARD.load(package, settings)
    for _ in range(3):
        engine.warm_up()
    assert world.launches > 0
    engine.close()
    assert not world.taken


def test_what_is_not_usable_is_not_loaded(monkeypatch: pytest.MonkeyPatch, package: Package) -> None:
    monkeypatch.setattr(provider, "probe", lambda: DriverState(why_not="no driver"))
    with pytest.raises(EngineError, match="tensorrt is not usable: no driver"):
        STANDARD.load(package, Settings("auto", 1, None))


def test_a_cpus_precision_is_refused() -> None:
    with pytest.raises(
        EngineError, match="tensorrt computes in f16, f32 or int8, not in bf16; set precision to auto"
    ):
        chosen("bf16", "tensorrt")


def test_every_graph_of_an_engine_is_asked_for(package: Package) -> None:
    asked = requests(package, "f32", 3)
    assert [request.label for request in asked.values()] == [
        "tiny/segmenter f32",
        "tiny/stabiliser f32",
        "tiny/readout f32",
    ]
    assert {request.batches.most for request in asked.values()} == {3}


def opened(package: Package, content: dict[GraphRole, bytes], info: Any = INFO) -> Any:
    return open_plans(tensorrt, pycuda, package, content, info, lambda: None)


def test_a_failed_load_leaves_nothing_behind(package: Package, world: World) -> None:
    content = gpu_plans(package)
    content[GraphRole.READOUT] = content[GraphRole.READOUT][:50]
    room = world.room
    for _ in range(200):
        with pytest.raises(EngineError, match="tiny/readout f32: TensorRT cannot load its plan"):
            opened(package, content)
    assert not world.taken
    assert (world.room, world.stack()) == (room, [])


def test_a_plan_of_another_precision_is_refused(package: Package) -> None:
    with pytest.raises(EngineError, match="tiny/segmenter f16: the plan is of 'tiny/segmenter f32'"):
        opened(package, gpu_plans(package), replace(INFO, precision="f16"))


def test_a_plan_that_breaks_the_contract_is_refused(package: Package, tmp_path: Path) -> None:
    small = make_package(tmp_path / "small", Tiny(size_wh=(32, 32)))
    with pytest.raises(PackageError, match=r"input 'image' is uint8 \[\?, 32, 32, 3\], must be"):
        opened(package, gpu_plans(small))


def test_a_gpu_without_room_leaves_nothing_behind(package: Package, world: World) -> None:
    content = gpu_plans(package)
    world.room = 50_000
    with pytest.raises(EngineError, match="out of memory"):
        opened(package, content)
    assert not world.taken
    assert world.room == 50_000
