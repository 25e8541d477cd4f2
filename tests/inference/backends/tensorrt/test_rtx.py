"""The genuine builder of TensorRT for RTX: it needs no GPU. What it builds has been run by nobody here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from streamseg.errors import EngineError
from streamseg.inference.backends.tensorrt import rtx
from streamseg.inference.backends.tensorrt.build import Batches, BuildRequest, build_plan
from streamseg.inference.backends.tensorrt.prepare import prepared
from streamseg.inference.backends.tensorrt.provider import requests
from streamseg.inference.packages.package import FoundPackage, Package, find_packages, open_package
from tests.fakes.packages import Tiny, make_package
from tests.inference.backends.tensorrt.graphs import FLOAT, HALF, UINT8, model, node, run, types

GPUS = ((8, 6), (8, 9), (12, 0))  # Ampere, Ada and Blackwell: one plan may hold all three


def shipped() -> list[str]:
    found: list[FoundPackage] = find_packages([Path(__file__).resolve().parents[4] / "engines"])
    return [entry.path.name for entry in found]


@pytest.fixture(scope="module")
def trt() -> Any:
    return pytest.importorskip("tensorrt_rtx", reason="not installed: pip install 'streamseg[tensorrt-rtx]'")


@pytest.fixture(scope="module")
def readout(tmp_path_factory: pytest.TempPathFactory) -> BuildRequest:
    """A small graph that can be built."""
    package = make_package(tmp_path_factory.mktemp("rtx"))
    content = prepared((package.path / "readout.onnx").read_bytes(), "readout", "f32")
    return BuildRequest(content, "tiny/readout", "f32", Batches(1, 1, 2), capabilities=GPUS)


def test_it_goes_by_its_name() -> None:
    report = rtx.report()
    assert report.name == "tensorrt_rtx"
    assert report.usable or report.why_not


@pytest.mark.real
@pytest.mark.tree
@pytest.mark.parametrize("precision", ["f32", "f16"])
@pytest.mark.parametrize("name", shipped())
def test_every_shipped_graph_is_built_for_three_gpus(trt: Any, name: str, precision: str) -> None:
    for request in requests(open_package(name), precision, 4).values():
        built = build_plan(trt, replace(request, capabilities=GPUS))
        assert len(built.plan) > len(request.onnx) / 4


@pytest.mark.real
@pytest.mark.tree
def test_the_shipped_segmenter_in_half_precision_says_the_same(trt: Any) -> None:
    """Computed by ONNX Runtime, which rounds where the graph says so: no figure of a GPU's."""
    path = open_package("camvid-lite0").path / "segmenter.onnx"
    content = path.read_bytes()
    patches = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    image = cv2.resize(patches, (480, 360), interpolation=cv2.INTER_CUBIC)[None]
    half = prepared(content, "segmenter", "f16")
    before, after = (run(graph, {"image": image})["logits"] for graph in (content, half))
    assert (before.argmax(1) == after.argmax(1)).mean() > 0.99
    kinds = types(half)
    convolutions = [
        entry for entry in onnx.load_model_from_string(half).graph.node if entry.op_type == "Conv"
    ]
    assert len(convolutions) == 64
    assert {kinds[entry.output[0]] for entry in convolutions} == {HALF}


class Pictures:
    """What a quantiser is shown."""

    def __init__(self, count: int) -> None:
        random_ = np.random.default_rng(1)
        self._left = [random_.integers(0, 256, (1, 48, 64, 3), dtype=np.uint8) for _ in range(count)]

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        return {"image": self._left.pop()} if self._left else None


def quantised(package: Package) -> bytes:
    """The segmenter, its convolutions between bytes: symmetric, and biases in float, as TensorRT wants."""
    from onnxruntime import quantization as q

    class Reader(Pictures, q.CalibrationDataReader):  # type: ignore[misc]
        pass

    source, target = package.path / "segmenter.onnx", package.path / "int8.onnx"
    q.quantize_static(
        source,
        target,
        Reader(4),
        quant_format=q.QuantFormat.QDQ,
        per_channel=True,
        op_types_to_quantize=["Conv"],
        activation_type=q.QuantType.QInt8,
        weight_type=q.QuantType.QInt8,
        extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False},
    )
    return target.read_bytes()


@pytest.mark.real
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_quantised_graph_is_built(trt: Any, tmp_path: Path) -> None:
    content = prepared(quantised(make_package(tmp_path, Tiny(seed=3))), "segmenter", "int8")
    request = BuildRequest(content, "tiny/segmenter", "int8", Batches(1, 2, 4), capabilities=GPUS)
    assert build_plan(trt, request).plan


@pytest.mark.real
def test_int8_that_is_none_is_noticed(trt: Any, readout: BuildRequest) -> None:
    with pytest.raises(EngineError, match="int8 was asked for, but nothing in the graph is quantised"):
        build_plan(trt, replace(readout, precision="int8"))


@pytest.mark.real
def test_half_precision_that_is_none_is_noticed(trt: Any, package: Package) -> None:
    content = prepared((package.path / "segmenter.onnx").read_bytes(), "segmenter", "f32")
    with pytest.raises(EngineError, match="f16 was asked for, but 2 of its 2 convolutions are not"):
        build_plan(trt, BuildRequest(content, "tiny/segmenter", "f16", capabilities=GPUS))


@pytest.mark.real
def test_an_operator_it_does_not_know(trt: Any) -> None:
    graph = model([node("Det", "x", "y", name="odd")], [("x", FLOAT, ["N", 3, 3])], [("y", FLOAT, ["N"])])
    with pytest.raises(EngineError, match=r"strange: TensorRT cannot take it: .*Det"):
        build_plan(trt, BuildRequest(graph.SerializeToString(), "strange", "f32"))


@pytest.mark.real
def test_uint8_where_tensorrt_does_not_know_it_is_named_and_prepared_away(trt: Any) -> None:
    """The trap that `prepare` is for."""
    nodes = [
        node("Transpose", "image", "turned", name="turn", perm=[0, 3, 1, 2]),
        node("Cast", "turned", "logits", to=FLOAT),
    ]
    graph = model(nodes, [("image", UINT8, ["N", 4, 6, 3])], [("logits", FLOAT, ["N", 3, 4, 6])])
    with pytest.raises(EngineError, match=r"node turn \(Transpose\): .*UInt8 but must have type"):
        build_plan(trt, BuildRequest(graph.SerializeToString(), "raw", "f32"))
    ready = prepared(graph.SerializeToString(), "raw", "f32")
    assert build_plan(trt, BuildRequest(ready, "raw", "f32", capabilities=GPUS)).plan


@pytest.mark.real
@pytest.mark.parametrize("batches", [Batches(3, 2, 4), Batches(1, 5, 4), Batches(2, 2, 0)])
def test_batches_that_cannot_be(trt: Any, readout: BuildRequest, batches: Batches) -> None:
    with pytest.raises(EngineError, match=r"tiny/readout: TensorRT refuses batches of .*MIN<=OPT<=MAX"):
        build_plan(trt, replace(readout, batches=batches))


@pytest.mark.real
def test_a_profile_that_is_not_the_graphs(trt: Any) -> None:
    graph = model([node("Relu", "x", "y")], [("x", FLOAT, [2, 3])], [("y", FLOAT, [2, 3])])
    with pytest.raises(EngineError, match="fixed: building for TensorRT failed: "):
        build_plan(trt, BuildRequest(graph.SerializeToString(), "fixed", "f32", Batches(1, 1, 4)))


@pytest.mark.real
@pytest.mark.parametrize("length", [100, -200])
def test_a_truncated_graph(trt: Any, readout: BuildRequest, length: int) -> None:
    with pytest.raises(EngineError, match="tiny/readout: TensorRT cannot take it: "):
        build_plan(trt, replace(readout, onnx=readout.onnx[:length]))


@pytest.mark.real
def test_a_graph_without_anything(trt: Any, readout: BuildRequest) -> None:
    with pytest.raises(EngineError, match=r"building for TensorRT failed: .*must have at least one output"):
        build_plan(trt, replace(readout, onnx=b""))


@pytest.mark.real
def test_a_gpu_it_does_not_know(trt: Any, readout: BuildRequest) -> None:
    with pytest.raises(EngineError, match="tensorrt_rtx cannot build for SM87 away from its GPU"):
        build_plan(trt, replace(readout, capabilities=((8, 7),)))


@pytest.mark.real
def test_progress_is_told_and_heeded(trt: Any, readout: BuildRequest) -> None:
    steps: list[tuple[str, int, int]] = []

    def note(*step: Any) -> bool:
        steps.append(step)
        return len(steps) < 40

    with pytest.raises(EngineError, match="tiny/readout: building for TensorRT was stopped"):
        build_plan(trt, readout, progress=note)
    assert all(0 <= done <= total for _, done, total in steps)
    assert {phase for phase, _, _ in steps} >= {"Building engine"}
