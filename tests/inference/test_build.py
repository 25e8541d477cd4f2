"""What is built ahead, by whom, and what is still to be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import BackendReport
from streamseg.inference.backends import registry
from streamseg.inference.build import Order, build, machines, unbuilt
from streamseg.inference.cache.store import CompileCache
from streamseg.inference.packages.package import Package
from tests.fakes import slow


@pytest.fixture
def steps() -> list[tuple[str, int, int]]:
    return []


def ordered(package: Package, backend: object, cache: Path, max_batch: int = 1) -> Order:
    return Order(package.path, backend, "f32", max_batch, 1, cache)  # type: ignore[arg-type]


def test_an_order_is_written_and_read(tmp_path: Path) -> None:
    order = Order(tmp_path, "openvino", "bf16", 4, 2, tmp_path / "cache", gently=True)
    assert Order.from_json(order.json) == order
    assert Order.from_json(Order(tmp_path).json) == Order(tmp_path)


def test_openvino_is_built_for_every_batch_it_may_be_given(
    package: Package, tmp_path: Path, steps: list[tuple[str, int, int]]
) -> None:
    def progress(*step: object) -> bool:
        steps.append(step)  # type: ignore[arg-type]
        return True

    info = build(ordered(package, "openvino", tmp_path, max_batch=2), progress)
    assert (info.backend, info.precision) == ("openvino", "f32")
    entries = CompileCache(tmp_path).entries()
    kept = sorted((e.label.origin.role, e.label.key.profile) for e in entries if e.label is not None)
    assert kept == [(role, size) for role in ("readout", "segmenter", "stabiliser") for size in "12"]
    assert steps[:3] == [("segmenter", 0, 2), ("segmenter", 1, 2), ("segmenter", 2, 2)]


def test_a_build_that_is_stopped_is_an_error(package: Package, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="tiny: building it was stopped"):
        build(ordered(package, "openvino", tmp_path), lambda *_: False)


def test_what_cannot_be_built_is_said(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._MODULES, "absent", "streamseg.inference.absent")
    with pytest.raises(EngineError, match="onnxruntime builds nothing ahead"):
        build(ordered(package, "onnxruntime", tmp_path), lambda *_: True)
    with pytest.raises(EngineError, match="no folder to keep it in"):
        build(ordered(package, "openvino", Path("/proc/self/cache")), lambda *_: True)
    with pytest.raises(EngineError, match="backend absent is not usable"):
        build(ordered(package, "absent", tmp_path), lambda *_: True)
    (package.path / "readout.onnx").write_bytes(b"")
    with pytest.raises(PackageError, match="sha256"):
        build(ordered(package, "openvino", tmp_path), lambda *_: True)


def test_only_what_takes_long_is_ever_unbuilt(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow.register(monkeypatch)
    monkeypatch.setitem(registry._MODULES, "absent", "streamseg.inference.absent")
    order = ordered(package, "slow", tmp_path)
    for name in ("auto", "openvino", "absent"):
        assert unbuilt(package, ordered(package, name, tmp_path)) == ()
    assert unbuilt(package, order) == ("segmenter", "stabiliser", "readout")
    build(order, lambda *_: True)
    assert unbuilt(package, order) == ()
    monkeypatch.setattr(slow, "report", lambda: BackendReport("slow", False, "", "no driver", ()))
    assert unbuilt(package, ordered(package, "slow", tmp_path / "empty")) == ()


def test_auto_passes_over_what_cannot_do_it(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> tuple[str, ...]:
        raise EngineError("slow computes in f16, not in f32")

    monkeypatch.setattr(
        registry, "_MODULES", {"slow": slow.__name__, "openvino": registry._MODULES["openvino"]}
    )
    assert unbuilt(package, ordered(package, "auto", tmp_path)) != ()
    monkeypatch.setattr(slow, "missing", refuse)
    assert unbuilt(package, ordered(package, "auto", tmp_path)) == ()
    with pytest.raises(EngineError, match="not in f32"):
        unbuilt(package, ordered(package, "slow", tmp_path))


def test_the_machines_of_those_that_build(monkeypatch: pytest.MonkeyPatch) -> None:
    slow.register(monkeypatch)
    found = machines(["openvino", "onnxruntime", "slow", "absent"])
    assert set(found) == {"openvino", "slow"}
    assert found["slow"] == slow.machine()
    assert found["openvino"].device
