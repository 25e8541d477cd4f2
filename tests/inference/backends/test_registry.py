from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import BackendName, BackendReport, Settings
from streamseg.inference.backends import execution_providers, openvino, registry
from streamseg.inference.backends.registry import load_engine, usable_backends
from streamseg.inference.backends.tensorrt import standard
from streamseg.inference.backends.tensorrt.driver import DriverState
from streamseg.inference.cpu_info import physical_cores
from streamseg.inference.packages.package import Package
from tests.fakes.gpu import gpu_engine


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    monkeypatch.setattr(
        registry, "probe", lambda: DriverState(found=False)
    )  # of this process: it may have a stand-in


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Pretends that a backend's library is not installed."""

    def find(module: str) -> ModuleType:
        if module == registry._MODULES[name]:
            raise ImportError(f"No module named {name!r}")
        return import_module(module)

    monkeypatch.setattr(registry, "import_module", find)


def test_both_are_usable_here() -> None:
    usable = {report.name: report.usable for report in usable_backends()}
    assert usable["openvino"]
    assert usable["onnxruntime"]


def test_every_name_of_a_configuration_is_reported() -> None:
    assert {report.name for report in usable_backends()} == {*get_args(BackendName)} - {"auto"}


def test_a_provider_is_nothing_that_auto_takes(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_MODULES", {"openvino": "streamseg.inference.absent"})
    monkeypatch.setattr(execution_providers, "why_not", lambda _provider: "")
    with pytest.raises(EngineError, match="no backend can load tiny") as caught:
        load_engine(package)
    assert "onnxruntime" not in str(caught.value)


def test_a_provider_that_is_not_there_names_its_package(package: Package) -> None:
    with pytest.raises(EngineError, match=r"has cpu.*; qnn comes with onnxruntime-qnn, in place of"):
        load_engine(package, "onnxruntime-qnn")


def test_a_missing_library_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "openvino")
    (report,) = (report for report in usable_backends() if report.name == "openvino")
    assert (report.usable, report.version, report.precisions) == (False, "", ())
    assert report.why_not == "No module named 'openvino'"


def test_auto_takes_openvino_and_says_why_in_one_line(
    package: Package, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, registry.__name__):
        engine = load_engine(package)
    (line,) = [record.getMessage() for record in caplog.records if record.name == registry.__name__]
    assert line.startswith(f"engine tiny: openvino {engine.info.version} (the first choice on a CPU), ")
    assert (
        f"{engine.info.precision} ({engine.info.why}), {physical_cores()} threads on {engine.info.device}"
        in line
    )


def test_auto_takes_a_gpu_where_there_is_one(
    package: Package, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    report = BackendReport("tensorrt", usable=True, version="11", why_not="", precisions=("f16",))
    monkeypatch.setattr(standard, "report", lambda: report)
    monkeypatch.setattr(standard, "load", lambda package, _settings: gpu_engine(package))
    with caplog.at_level(logging.INFO, registry.__name__):
        engine = load_engine(package)
    assert engine.info.backend == "tensorrt"
    assert "(the first choice with this GPU)" in caplog.text
    assert f", on {engine.info.device}" in caplog.text
    assert " threads" not in caplog.text
    engine.close()


@pytest.mark.parametrize("found", [True, False])
def test_a_gpu_that_cannot_be_used_is_told_where_there_is_a_driver(
    package: Package, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, found: bool
) -> None:
    report = BackendReport("tensorrt", usable=False, version="", why_not="the GPU is taken", precisions=())
    monkeypatch.setattr(standard, "report", lambda: report)
    monkeypatch.setattr(registry, "probe", lambda: DriverState(found=found))
    with caplog.at_level(logging.INFO, registry.__name__):
        load_engine(package).close()
    line = "no GPU is used: backend tensorrt is not usable: the GPU is taken"
    assert caplog.text.count(line) == found


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_a_gpus_precision_is_refused_on_a_cpu(package: Package, backend: BackendName) -> None:
    with pytest.raises(EngineError, match=f"{backend} computes in .*, not in f16; set precision to auto"):
        load_engine(package, backend, "f16")


def test_auto_goes_on_to_the_next_and_says_why(
    package: Package, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    without(monkeypatch, "openvino")
    with caplog.at_level(logging.INFO, registry.__name__):
        engine = load_engine(package)
    assert engine.info.backend == "onnxruntime"
    assert "(because openvino: backend openvino is not usable: No module named 'openvino')" in caplog.text


def test_auto_with_nothing_left(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_MODULES", {"openvino": "streamseg.inference.absent"})
    with pytest.raises(
        EngineError, match="no backend can load tiny: openvino: backend openvino is not usable"
    ):
        load_engine(package)


def test_one_asked_for_by_name_is_not_replaced(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "onnxruntime")
    with pytest.raises(EngineError, match="backend onnxruntime is not usable"):
        load_engine(package, "onnxruntime")


def test_a_bad_package_is_nobodys_second_choice(package: Package) -> None:
    (package.path / "segmenter.onnx").write_bytes(b"")
    with pytest.raises(PackageError):
        load_engine(package)


@pytest.mark.parametrize(("asked", "expected"), [(0, physical_cores()), (3, 3)])
def test_threads(package: Package, monkeypatch: pytest.MonkeyPatch, asked: int, expected: int) -> None:
    seen: list[Settings] = []
    load = openvino.load

    def spy(package: Package, settings: Settings) -> Any:
        seen.append(settings)
        return load(package, settings)

    monkeypatch.setattr(openvino, "load", spy)
    load_engine(package, threads=asked)
    assert seen[0].threads == expected


def test_the_users_cache_is_the_default(package: Package, tmp_path: Path) -> None:
    load_engine(package, "openvino")
    assert list((tmp_path / "cache" / "streamseg" / "plans").iterdir())


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    package: Package, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        load_engine(package, cache_dir=Path("/proc/self/cache")).warm_up()
    assert "no cache for compiled models in /proc/self/cache" in caplog.text
