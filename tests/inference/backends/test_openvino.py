from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import Settings
from streamseg.inference.backends import openvino
from streamseg.inference.backends.openvino_graph import OpenVinoGraph
from streamseg.inference.packages.package import Package
from tests.fakes.int8 import add_int8
from tests.fakes.packages import Tiny, make_package

PICTURE = np.random.default_rng(0).integers(0, 200, (1, 48, 64, 3), dtype=np.uint8)


def settings(precision: Any = "f32", cache: Path | None = None) -> Settings:
    return Settings(precision, 1, cache)


def pretend(monkeypatch: pytest.MonkeyPatch, *, capable: bool, native: bool) -> None:
    answers = {
        "OPTIMIZATION_CAPABILITIES": ["FP32", *(["BF16"] if capable else [])],
        "INFERENCE_PRECISION_HINT": ov.Type.bf16 if native else ov.Type.f32,
    }
    monkeypatch.setattr(ov.Core, "get_property", lambda _core, _device, name: answers[name])


def pretend_times(monkeypatch: pytest.MonkeyPatch, times_ms: dict[str, float]) -> None:
    """By precision; the graph in int8 is known by its file."""

    def least_ms(graph: OpenVinoGraph, _feeds: Any) -> float:
        quantised = "int8" in graph._path.name
        return times_ms["int8" if quantised else graph._options["INFERENCE_PRECISION_HINT"]]

    monkeypatch.setattr(openvino, "least_ms", least_ms)


@pytest.mark.parametrize(
    ("capable", "native", "expected"), [(True, True, "bf16"), (True, False, "f32"), (False, False, "f32")]
)
def test_auto_takes_bf16_only_where_the_cpu_computes_in_it(
    package: Package, monkeypatch: pytest.MonkeyPatch, capable: bool, native: bool, expected: str
) -> None:
    pretend(monkeypatch, capable=capable, native=native)
    pretend_times(monkeypatch, {"bf16": 1.0, "f32": 2.0})
    info = openvino.load(package, settings("auto")).info
    assert info.precision == expected == openvino.report().precisions[0]
    assert "bf16" in info.why


def test_bf16_on_a_cpu_without_it_is_refused(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, capable=False, native=False)
    with pytest.raises(EngineError, match="does not compute in bf16; set precision"):
        openvino.load(package, settings("bf16"))


@pytest.mark.parametrize(
    ("asked", "bf16_ms", "expected"),
    [
        ("f32", 1.0, {"segmenter": "f32", "stabiliser": "f32", "readout": "f32"}),
        ("bf16", 1.0, {"segmenter": "bf16", "stabiliser": "bf16", "readout": "bf16"}),
        ("bf16", 9.0, {"segmenter": "bf16", "stabiliser": "f32", "readout": "f32"}),
        ("auto", 1.0, {"segmenter": "bf16", "stabiliser": "bf16", "readout": "bf16"}),
        ("auto", 9.0, {"segmenter": "f32", "stabiliser": "f32", "readout": "f32"}),
    ],
)
def test_what_is_configured_is_the_segmenters_and_f32_everyones(
    package: Package, monkeypatch: pytest.MonkeyPatch, asked: str, bf16_ms: float, expected: dict[str, str]
) -> None:
    pretend(monkeypatch, capable=True, native=True)
    pretend_times(monkeypatch, {"bf16": bf16_ms, "f32": 2.0})
    info = openvino.load(package, settings(asked)).info
    assert info.precision == expected["segmenter"]
    assert info.why.endswith(f"stabiliser in {expected['stabiliser']}, readout in {expected['readout']}")


@pytest.mark.parametrize(
    ("capable", "times_ms", "expected"),
    [
        (True, {"f32": 4.0, "bf16": 2.0, "int8": 1.0}, "int8"),
        (True, {"f32": 4.0, "bf16": 2.0, "int8": 1.95}, "bf16"),
        (True, {"f32": 2.0, "bf16": 4.0, "int8": 1.95}, "f32"),
        (False, {"f32": 4.0, "int8": 1.0}, "int8"),
        (False, {"f32": 1.0, "int8": 4.0}, "f32"),
    ],
)
def test_auto_takes_int8_only_where_it_is_clearly_faster(
    package: Package,
    monkeypatch: pytest.MonkeyPatch,
    capable: bool,
    times_ms: dict[str, float],
    expected: str,
) -> None:
    pretend(monkeypatch, capable=capable, native=capable)
    pretend_times(monkeypatch, times_ms)
    info = openvino.load(add_int8(package), settings("auto")).info
    assert (info.precision, info.times_ms) == (expected, times_ms)
    assert "int8, readout" not in info.why, "the other graphs have none"


def test_auto_leaves_int8_that_costs_too_much(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, capable=False, native=False)
    info = openvino.load(add_int8(package, loss=0.6, allowed=0.5), settings("auto")).info
    assert (info.precision, info.times_ms) == ("f32", {})


def test_int8_runs_another_segmenter_and_computes_the_rest_in_f32(package: Package) -> None:
    both = add_int8(package)
    exact, coarse = (openvino.load(both, settings(name)) for name in ("f32", "int8"))
    assert coarse.info.precision == "int8"
    difference = np.abs(exact.start(PICTURE).logits() - coarse.start(PICTURE).logits()).max()
    assert 0.0 < difference < 0.5


def test_a_graph_in_int8_of_other_sizes_is_refused(package: Package, tmp_path: Path) -> None:
    other = make_package(tmp_path, Tiny(classes=3), "other")
    both = add_int8(package, graph=other.path / "segmenter.onnx")
    with pytest.raises(PackageError, match=r"segmenter-int8\.onnx: segmenter graph: output 'logits'"):
        openvino.load(both, settings("int8"))


def test_a_package_without_int8_cannot_run_in_it(package: Package) -> None:
    with pytest.raises(PackageError, match="no graph in int8"):
        openvino.load(package, settings("int8"))


def plans(cache: Path) -> list[Path]:
    return sorted((cache / "plans").glob("*.plan"))


def compilations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The batch sizes that are compiled from now on."""
    sizes: list[int] = []
    compile_model = ov.Core.compile_model

    def spy(core: ov.Core, model: Any, *rest: Any) -> Any:
        sizes.append(model.inputs[0].shape[0])
        return compile_model(core, model, *rest)

    monkeypatch.setattr(ov.Core, "compile_model", spy)
    return sizes


def imports(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what is taken back from now on."""
    sizes: list[int] = []
    import_model = ov.Core.import_model

    def spy(core: ov.Core, plan: bytes, *rest: Any) -> Any:
        sizes.append(len(plan))
        return import_model(core, plan, *rest)

    monkeypatch.setattr(ov.Core, "import_model", spy)
    return sizes


def test_the_cache_is_filled_and_used(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = openvino.load(package, settings(cache=tmp_path)).start(PICTURE).logits()
    assert len(plans(tmp_path)) == 3
    compiled = compilations(monkeypatch)
    again = openvino.load(package, settings(cache=tmp_path)).start(PICTURE).logits()
    np.testing.assert_array_equal(first, again)
    assert compiled == []


@pytest.mark.parametrize("other", ["version", "device", "threads", "graph"])
def test_what_was_compiled_for_something_else_is_not_taken(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    openvino.load(package, settings(cache=tmp_path))
    if other == "version":
        monkeypatch.setattr(ov, "__version__", "2031.0")
    if other == "device":
        monkeypatch.setattr(openvino, "cpu_name", lambda: "another processor")
    if other == "graph":
        package = make_package(tmp_path / "other", Tiny(seed=1))
    compiled = compilations(monkeypatch)
    openvino.load(package, Settings("f32", 2 if other == "threads" else 1, tmp_path))
    assert len(compiled) == len(plans(tmp_path)) - 3 > 0


def test_what_was_replaced_since_the_package_was_opened_is_not_compiled_under_its_name(
    package: Package, tmp_path: Path
) -> None:
    other = make_package(tmp_path / "other", Tiny(seed=1))
    (package.path / "segmenter.onnx").write_bytes((other.path / "segmenter.onnx").read_bytes())
    with pytest.raises(PackageError, match=r"segmenter\.onnx: sha256 is .* damaged or was replaced"):
        openvino.load(package, settings(cache=tmp_path))
    assert plans(tmp_path) == []


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_a_damaged_cache_is_reported_and_mended(
    package: Package, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    expected = openvino.load(package, settings(cache=tmp_path)).start(PICTURE).logits()
    for path in plans(tmp_path):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes({"cut": bytes(content[:999]), "empty": b""}.get(damage, bytes(content)))
    for told in (3, 0):
        caplog.clear()
        engine = openvino.load(package, settings(cache=tmp_path))
        np.testing.assert_array_equal(engine.start(PICTURE).logits(), expected)
        assert len([line for line in caplog.messages if "is not used: " in line]) == told


@pytest.mark.parametrize("call", ["import_model", "export_model"])
def test_what_openvino_cannot_keep_or_take_back_is_compiled(
    package: Package,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: str,
) -> None:
    def refuse(*_: Any) -> Any:
        raise RuntimeError("Exception from here\nnot implemented")

    monkeypatch.setattr(ov.Core if call == "import_model" else ov.CompiledModel, call, refuse)
    for _ in range(2):
        openvino.load(package, settings(cache=tmp_path)).warm_up()
    assert "OpenVINO refuses it: not impl" in caplog.text or "kept: OpenVINO gives nothing" in caplog.text


def test_a_graph_that_does_not_compile(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any) -> Any:
        raise RuntimeError("Exception from here\nunsupported operation")

    monkeypatch.setattr(ov.Core, "compile_model", fail)
    with pytest.raises(
        EngineError, match=r"segmenter\.onnx: OpenVINO cannot compile it: unsupported operation$"
    ):
        openvino.load(package, settings())


def test_a_batch_size_is_compiled_when_it_is_first_asked_for(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = openvino.load(package, settings())
    shapes = compilations(monkeypatch)
    for batch in (1, 3, 3, 1):
        assert engine.start(np.repeat(PICTURE, batch, axis=0)).logits().shape[0] == batch
    assert shapes == [3]


def test_auto_times_both_precisions_once(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    compile_model = ov.Core.compile_model

    def spy(core: ov.Core, model: Any, device: str, options: dict[str, Any]) -> Any:
        compiled.append(options["INFERENCE_PRECISION_HINT"])
        return compile_model(core, model, device, {**options, "INFERENCE_PRECISION_HINT": "f32"})

    pretend(monkeypatch, capable=True, native=True)
    monkeypatch.setattr(ov.Core, "compile_model", spy)
    first = openvino.load(package, settings("auto", tmp_path))
    assert sorted(compiled) == ["bf16", "bf16", "bf16", "f32", "f32", "f32"]
    assert "just measured" in first.info.why
    compiled.clear()
    taken = imports(monkeypatch)
    second = openvino.load(package, settings("auto", tmp_path))
    assert (compiled, len(taken)) == ([], 3)
    assert "measured before" in second.info.why
    assert second.info.precision == first.info.precision
