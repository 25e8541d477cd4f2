"""Packages of networks that were made in integers."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import tflite

from streamseg.convert.convert import Label, Wrapped, wrap, write_package
from streamseg.convert.options import ConvertOptions
from streamseg.convert.output_detection import OutputKind
from streamseg.convert.tflite import integers
from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.packages import package as package_room
from streamseg.inference.packages.package import Package, open_package
from streamseg.types import F32, U8
from tests.fakes.quantized import STEP, ZERO, Quantized

LABEL = Label("small", "1", "CC0-1.0", "none")
FOUR = ConvertOptions(("a", "b", "c", "d"), colors=((0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)))
ONE = {"StrideW": 1, "StrideH": 1, "DilationWFactor": 1, "DilationHFactor": 1}
KINDS = ("uint8", "int8")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def saved(folder: Path, kind: str, end: str = "ARG_MAX") -> Path:
    """A convolution of each pixel, and what is said of it; the filters are in the network (`_tensors`)."""
    net = Quantized(kind)
    source, scores = net.tensor(1, 32, 48, 3), net.tensor(1, 32, 48, 4)
    inputs = [source, net.const(3 * filters()), net.const(np.zeros(4, np.float32))]
    net.operator("CONV_2D", inputs, [scores], "Conv2DOptions", **ONE)
    result = scores
    if end == "ARG_MAX":
        result = net.tensor(1, 32, 48, kind="int64")
        last = net.const(np.array(3, np.int32))
        long = tflite.TensorType.INT64
        net.operator("ARG_MAX", [scores, last], [result], "ArgMaxOptions", OutputType=long)
    elif end:
        result = net.tensor(1, 32, 48, 4)
        net.operator(end, [scores], [result], f"{end.capitalize()}Options", Beta=1.0)
    path = folder / f"{kind}.tflite"
    path.write_bytes(net.finish([source], [result]))
    return path


def filters() -> F32:
    return np.random.default_rng(3).normal(0, 0.5, (4, 1, 1, 3)).astype(np.float32)


def expected(kind: str, images: U8) -> F32:
    """The scores, nearly: weights of 8 bits are not exactly those above."""
    real = (images.astype(np.float32) - (128 if kind == "int8" else 0) - ZERO[kind]) * STEP
    held = np.iinfo(kind)
    low, high = ((end - ZERO[kind]) * STEP for end in (held.min, held.max))
    return (real @ (3 * filters()[:, 0, 0]).T).clip(low, high).transpose(0, 3, 1, 2)


def made(folder: Path, kind: str, end: str = "ARG_MAX") -> tuple[Wrapped, Package]:
    wrapped = wrap(saved(folder, kind, end), FOUR)
    return wrapped, write_package(wrapped, FOUR, LABEL, folder / "package")


def run(package: Package, backend: str, precision: str, images: U8) -> tuple[F32, U8]:
    chosen, asked = cast("BackendName", backend), cast("Precision", precision)
    with closing(load_engine(package, chosen, asked)) as engine:
        return engine.start(images).logits(), engine.start(images).readout().labels


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_both_graphs_give_the_scores_in_front_of_the_argmax(kind: str, backend: str, tmp_path: Path) -> None:
    wrapped, package = made(tmp_path, kind)
    assert wrapped.reading.meaning is OutputKind.LOGITS
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3), dtype=np.uint8)
    wanted = expected(kind, images)
    for precision in ("f32", "int8"):
        logits, labels = run(open_package(package.path), backend, precision, images)
        np.testing.assert_allclose(logits, wanted, atol=6 * STEP)
        assert np.mean(labels == wanted.argmax(axis=1)) > 0.95
        steps = np.abs(logits / STEP - np.rint(logits / STEP)).max()
        assert (steps < 1e-2) == (precision == "int8")


def test_what_is_recorded_of_the_integers(tmp_path: Path) -> None:
    _, package = made(tmp_path, "int8")
    manifest = open_package(package.path).manifest
    record = manifest.int8
    assert record is not None
    assert (record.measure, record.weight_bits, record.frames) == ("source", 8, 4)
    assert record.within
    assert [entry.color for entry in manifest.classes] == list(FOUR.colors)
    assert sorted(path.name for path in package.path.iterdir()) == [
        "model.yaml",
        "segmenter-int8.onnx",
        "segmenter.onnx",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_softmax_of_integers_is_known_as_one(kind: str, tmp_path: Path) -> None:
    wrapped, package = made(tmp_path, kind, "SOFTMAX")
    assert wrapped.reading.meaning is OutputKind.PROBABILITIES
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 48, 3), dtype=np.uint8)
    for precision in ("f32", "int8"):
        logits, _ = run(package, "onnxruntime", precision, images)
        np.testing.assert_allclose(np.exp(logits).sum(axis=1), 1, atol=4 / 256)


def test_normalisation_of_ones_own_is_quantised_by_the_network(tmp_path: Path) -> None:
    """Black and white are -1 and 1 to it, instead of what its input's scale would make of bytes."""
    asked = ConvertOptions(FOUR.classes, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    package = write_package(wrap(saved(tmp_path, "uint8", ""), asked), asked, LABEL, tmp_path / "package")
    images = np.stack([np.zeros((32, 48, 3), np.uint8), np.full((32, 48, 3), 255, np.uint8)])
    sums = 3 * filters()[:, 0, 0].sum(axis=1)
    for precision in ("f32", "int8"):
        logits, _ = run(package, "onnxruntime", precision, images)
        np.testing.assert_allclose(
            logits[:, :, 0, 0], [(-sums).clip(-6, 6.75), sums.clip(-6, 6.75)], atol=0.15
        )


@pytest.mark.parametrize(("wrong", "within"), [(0.0, True), (0.25, False)])
def test_a_backend_that_errs_costs_what_it_errs(
    wrong: float, within: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, package = made(tmp_path, "int8")

    def labels(_package: Package, backend: str, precision: str, *_rest: object) -> list[U8]:
        found = np.zeros((4, 100), np.uint8)
        share = 0.1 if precision == "f32" else wrong if backend == "openvino" else 0.0
        found[:, : round(100 * share)] = 1
        return list(found)

    monkeypatch.setattr(integers, "_labels", labels)
    record = integers.judged(package, [], tmp_path)
    assert record.loss == pytest.approx(100 * (wrong - 0.1))
    assert record.within is within


def test_one_that_does_not_run_in_integers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: Any) -> None:
        raise EngineError("out of order")

    monkeypatch.setattr(integers, "_labels", fail)
    with pytest.raises(PackageError, match="does not run in its own integers: out of order"):
        made(tmp_path, "int8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["int8.tflite"]


def test_auto_leaves_8_bits_alone_where_they_overflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, package = made(tmp_path, "int8")
    assert package.why_not_int8(["avx2", "avx512_vnni"]) == package.why_not_int8(["asimd"]) == ""
    assert "without VNNI" in package.why_not_int8(["avx2", "avx512f"])
    monkeypatch.setattr(package_room, "cpu_features", lambda: ["avx2"])
    assert not package.allows_int8
    with closing(load_engine(package, "onnxruntime", "auto")) as engine:
        assert engine.info.precision == "f32"
    with closing(load_engine(package, "onnxruntime", "int8")) as engine:
        assert engine.info.precision == "int8"
    assert "engine small: computes in int8, although its weights have 8 bits" in caplog.text
