from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamseg.errors import PackageError
from streamseg.inference.packages.contract import ANY, GraphSpec, TensorSpec, check_graph
from streamseg.inference.packages.manifest import GraphRole, Manifest
from tests.fakes.engine import fake_package

MANIFEST: Manifest = fake_package().manifest  # 64 × 48, 5 classes, memory [7, 12, 16]
IMAGE = TensorSpec("image", "uint8", (ANY, 48, 64, 3))
LOGITS = TensorSpec("logits", "float32", (ANY, 5, 12, 16))
FEATURES = TensorSpec("features", "float32", (ANY, 8, 12, 16))
GUIDE = TensorSpec("guide", "float32", (ANY, 1, 12, 16))
FLOW = TensorSpec("flow", "float32", (ANY, 2, 12, 16))
MEMORY = TensorSpec("memory", "float32", (ANY, 7, 12, 16))
LABELS = TensorSpec("labels", "uint8", (ANY, 48, 64))
CONFIDENCE = TensorSpec("confidence", "uint8", (ANY, 48, 64))
MEMORY_OUT = replace(MEMORY, name="memory_out")

SEGMENTER = GraphSpec((IMAGE,), (LOGITS,))
READOUT = GraphSpec((LOGITS,), (LABELS, CONFIDENCE))
REALNESS = TensorSpec("realness", "float32", (ANY, 1, 12, 16))
STABILISER = GraphSpec((LOGITS, GUIDE, FLOW, MEMORY), (LABELS, CONFIDENCE, MEMORY_OUT))


def problems(role: GraphRole, found: GraphSpec) -> list[str]:
    with pytest.raises(PackageError) as caught:
        check_graph(Path("a.onnx"), role, MANIFEST, found)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"a.onnx: {role} graph: ") for line in lines)
    return [line.removeprefix(f"a.onnx: {role} graph: ") for line in lines]


@pytest.mark.parametrize(
    ("role", "spec"),
    [
        (GraphRole.SEGMENTER, SEGMENTER),
        (GraphRole.SEGMENTER, GraphSpec((IMAGE,), (FEATURES, LOGITS))),
        (GraphRole.READOUT, READOUT),
        (GraphRole.STABILISER, STABILISER),
        (GraphRole.STABILISER, GraphSpec((*STABILISER.inputs, FEATURES), STABILISER.outputs)),
        (GraphRole.STABILISER, GraphSpec(STABILISER.inputs, (*STABILISER.outputs, FEATURES))),
        (GraphRole.READOUT, GraphSpec((LOGITS,), (replace(LABELS, shape=(ANY, ANY, ANY)), CONFIDENCE))),
        (GraphRole.DISCRIMINATOR, GraphSpec((IMAGE, LOGITS), (REALNESS,))),
    ],
)
def test_a_sound_graph_passes(role: GraphRole, spec: GraphSpec) -> None:
    check_graph(Path("a.onnx"), role, MANIFEST, spec)


@pytest.mark.parametrize(
    ("role", "spec", "expected"),
    [
        (GraphRole.SEGMENTER, GraphSpec((), (LOGITS,)), "input 'image' (uint8 [?, 48, 64, 3]) is missing"),
        (
            GraphRole.SEGMENTER,
            GraphSpec((replace(IMAGE, dtype="float32"),), (LOGITS,)),
            "input 'image' is float32 [?, 48, 64, 3], must be uint8 [?, 48, 64, 3]",
        ),
        (
            GraphRole.SEGMENTER,
            GraphSpec((replace(IMAGE, shape=(ANY, 3, 48, 64)),), (LOGITS,)),
            "input 'image' is uint8 [?, 3, 48, 64], must be uint8 [?, 48, 64, 3]",
        ),
        (
            GraphRole.SEGMENTER,
            GraphSpec((IMAGE,), (replace(LOGITS, shape=(ANY, 6, 12, 16)),)),
            "output 'logits' is float32 [?, 6, 12, 16], must be float32 [?, 5, ?, ?]",
        ),
        (
            GraphRole.READOUT,
            GraphSpec((LOGITS,), (replace(LABELS, dtype="int64"), CONFIDENCE)),
            "output 'labels' is int64 [?, 48, 64], must be uint8 [?, 48, 64]",
        ),
        (
            GraphRole.READOUT,
            GraphSpec((LOGITS, GUIDE), READOUT.outputs),
            "input 'guide' (float32 [?, 1, 12, 16]) is not one this daemon feeds",
        ),
        (
            GraphRole.DISCRIMINATOR,
            GraphSpec((IMAGE, LOGITS), (replace(REALNESS, shape=(ANY, 2, 12, 16)),)),
            "output 'realness' is float32 [?, 2, 12, 16], must be float32 [?, 1, ?, ?]",
        ),
    ],
)
def test_a_mismatch_is_named(role: GraphRole, spec: GraphSpec, expected: str) -> None:
    assert problems(role, spec) == [expected]


def test_every_mismatch_is_named() -> None:
    wrong = GraphSpec((LOGITS, replace(GUIDE, shape=(ANY, 1, 12)), MEMORY), (LABELS,))
    assert problems(GraphRole.STABILISER, wrong) == [
        "input 'guide' is float32 [?, 1, 12], must be float32 [?, 1, 12, 16]",
        "input 'flow' (float32 [?, 2, 12, 16]) is missing",
        "output 'confidence' (uint8 [?, 48, 64]) is missing",
        "output 'memory_out' (float32 [?, 7, 12, 16]) is missing",
    ]


def test_a_stabiliser_without_a_shape_of_memory() -> None:
    manifest = fake_package(stabiliser=False).manifest
    with pytest.raises(PackageError, match="no shape for the stabiliser's memory"):
        check_graph(Path("a.onnx"), GraphRole.STABILISER, manifest, STABILISER)


@settings(deadline=None)
@given(st.lists(st.integers(ANY, 5).filter(bool), max_size=4))
def test_a_tensor_admits_itself_and_anything_dynamic(sizes: list[int]) -> None:
    spec = TensorSpec("a", "uint8", tuple(sizes))
    assert spec.admits(spec)
    assert spec.admits(replace(spec, shape=(ANY,) * len(sizes)))
    assert not spec.admits(replace(spec, shape=(*sizes, ANY)))
