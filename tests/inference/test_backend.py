"""What both backends keep to beyond running: reports, refusals, bad graphs."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import Backend, Settings
from streamseg.inference.backends import openvino, ort
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package, open_package
from tests.fakes.packages import Tiny, make_package, segmenter, stabiliser, write_manifest

SETTINGS = Settings("f32", threads=1, cache=None)


@pytest.fixture(params=[openvino, ort], ids=["openvino", "onnxruntime"])
def backend(request: pytest.FixtureRequest) -> Backend:
    return cast("Backend", request.param)


def test_its_report(backend: Backend) -> None:
    report = backend.report()
    assert report.usable
    assert report.why_not == ""
    assert report.version[0].isdigit()
    assert report.precisions[-2:] == ("f32", "int8")


def test_its_info(backend: Backend, package: Package) -> None:
    info = backend.load(package, SETTINGS).info
    assert info.backend == backend.report().name
    assert info.precision == "f32"
    assert info.version == backend.report().version
    assert info.why
    assert info.device


@pytest.mark.parametrize("tiny", [Tiny(), Tiny((32, 32), 2), Tiny((96, 40), 11), Tiny(features=True)])
def test_packages_of_all_kinds(backend: Backend, tmp_path: Path, tiny: Tiny) -> None:
    engine = backend.load(make_package(tmp_path, tiny), SETTINGS)
    engine.warm_up()
    width, height = tiny.size_wh
    masks = engine.start(np.zeros((1, height, width, 3), np.uint8)).readout()
    assert masks.labels.shape == (1, height, width)


def test_a_lone_segmenter_is_read_out_like_the_graph_does(backend: Backend, tmp_path: Path) -> None:
    whole = backend.load(make_package(tmp_path, name="whole"), SETTINGS)
    bare = backend.load(make_package(tmp_path, Tiny(stabiliser=False, readout=False), "bare"), SETTINGS)
    picture = np.random.default_rng(0).integers(0, 200, (2, 48, 64, 3), dtype=np.uint8)
    by_graph, by_hand = whole.start(picture).readout(), bare.start(picture).readout()
    assert (by_graph.labels == by_hand.labels).mean() > 0.99
    assert by_graph.confidence is not None
    assert by_hand.confidence is not None
    np.testing.assert_allclose(by_graph.confidence.astype(int), by_hand.confidence.astype(int), atol=1)


def test_both_backends_agree(tmp_path: Path) -> None:
    package = make_package(tmp_path, Tiny(features=True))
    random = np.random.default_rng(0)
    picture = random.integers(0, 200, (1, 48, 64, 3), dtype=np.uint8)
    guide = random.random((1, 1, 12, 16), dtype=np.float32)
    flow = random.normal(0, 2, (1, 2, 12, 16)).astype(np.float32)
    states = []
    for module in (openvino, ort):
        engine = module.load(package, SETTINGS)
        memory = engine.fresh_memory()
        for _ in range(3):
            _, memory = engine.start(picture).stabilise(guide, flow, memory)
        states.append(memory.state)
    np.testing.assert_allclose(states[0], states[1], atol=1e-3)


def spoilt(package: Package, role: GraphRole, content: bytes) -> Package:
    """The package with one graph replaced, its hash in order."""
    (package.path / f"{role}.onnx").write_bytes(content)
    write_manifest(package.path, Tiny(), "tiny", list(package.graphs))
    return open_package(package.path)


@pytest.mark.parametrize("content", [b"", b"no graph at all", b"\x08\x08" * 50])
def test_a_file_that_is_no_graph(backend: Backend, package: Package, content: bytes) -> None:
    bad = spoilt(package, GraphRole.STABILISER, content)
    with pytest.raises(PackageError, match=r"stabiliser\.onnx: ") as caught:
        backend.load(bad, SETTINGS)
    assert len(str(caught.value).splitlines()) == 1


def test_a_discriminator_is_never_loaded(backend: Backend, tmp_path: Path) -> None:
    judged = make_package(tmp_path, Tiny(discriminator=True), "judged")
    unreadable = spoilt(judged, GraphRole.DISCRIMINATOR, b"no graph at all")
    engine = backend.load(unreadable, SETTINGS)
    assert engine.start(np.zeros((1, 48, 64, 3), np.uint8)).readout().labels.shape == (1, 48, 64)
    engine.close()


def test_a_graph_of_another_model(backend: Backend, package: Package) -> None:
    bad = spoilt(package, GraphRole.SEGMENTER, segmenter(Tiny(classes=7)).SerializeToString())
    with pytest.raises(PackageError, match=r"output 'logits' is float32 \[\?, 7, 12, 16\], must be "):
        backend.load(bad, SETTINGS)


def test_a_graph_with_other_names_and_types(backend: Backend, package: Package) -> None:
    source = helper.make_tensor_value_info("pixels", TensorProto.INT64, ["N", 48, 64, 3])
    target = helper.make_tensor_value_info("mask", TensorProto.INT64, ["N", 48, 64, 3])
    graph = helper.make_graph([helper.make_node("Identity", ["pixels"], ["mask"])], "odd", [source], [target])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    with pytest.raises(PackageError) as caught:
        backend.load(spoilt(package, GraphRole.SEGMENTER, model.SerializeToString()), SETTINGS)
    lines = [line.partition("graph: ")[2] for line in str(caught.value).splitlines()]
    assert lines == [
        "input 'image' (uint8 [?, 48, 64, 3]) is missing",
        "input 'pixels' (int64 [?, 48, 64, 3]) is not one this daemon feeds",
        "output 'logits' (float32 [?, 5, ?, ?]) is missing",
    ]


def test_stabiliser_and_segmenter_that_do_not_fit(backend: Backend, package: Package) -> None:
    wants_features = stabiliser(Tiny(features=True)).SerializeToString()
    with pytest.raises(PackageError, match=r"input 'features' .* is one the segmenter does not give"):
        backend.load(spoilt(package, GraphRole.STABILISER, wants_features), SETTINGS)


def test_a_precision_it_has_not(package: Package) -> None:
    with pytest.raises(EngineError, match="onnxruntime computes in f32"):
        ort.load(package, Settings("bf16", 1, None))
