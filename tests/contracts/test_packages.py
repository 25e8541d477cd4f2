"""A package that ships says the same on every backend; one that pads otherwise is another model."""

from __future__ import annotations

from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

from streamseg.inference.backend import BackendName, Settings
from streamseg.inference.backends import ort
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine, Masks, memory_shape
from streamseg.inference.packages.package import open_package
from streamseg.types import F32, U8
from tests.fakes.provider import device_engine

SHIPPED = pytest.mark.parametrize("name", ["street-lite0", "street-lite0-640", "camvid-lite0"])
# Operators that ONNX Runtime's CUDA provider computes in float32 (1.21 or newer; docs/OperatorKernels.md)
ON_CUDA = set(
    """
    Abs Add ArgMax Cast Clip Concat Conv DepthToSpace Div Gather GridSample Log Mul Pad ReduceMax ReduceMean
    ReduceSum Relu Resize Sigmoid Slice Softmax Split Sub Tanh Transpose Unsqueeze Where
    """.split()  # noqa: SIM905 a list of words reads better than one of strings
)


def picture(seed: int, size_wh: tuple[int, int]) -> U8:
    """Soft patches of colour `[H, W, 3]`: few scores lie so close that rounding decides."""
    patches = np.random.default_rng(seed).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    soft: U8 = cv2.resize(patches, size_wh, interpolation=cv2.INTER_CUBIC)
    return soft


def logits(name: str, backend: BackendName) -> list[F32]:
    package = open_package(name)
    with closing(load_engine(package, backend, "f32")) as engine:
        pictures = (picture(seed, package.manifest.size_wh) for seed in range(3))
        return [engine.start(one[None]).logits() for one in pictures]


@SHIPPED
def test_backends_agree(name: str) -> None:
    for one, other in zip(logits(name, "openvino"), logits(name, "onnxruntime"), strict=True):
        assert np.abs(one - other).max() == pytest.approx(0, abs=1e-3)
        assert (one.argmax(1) == other.argmax(1)).mean() > 0.9999


def frames(engine: InferenceEngine) -> list[Masks]:
    """Steadied masks of a stream of three pictures."""
    memory, found = engine.fresh_memory(), []
    _, _, height, width = memory_shape(engine.package, 1)
    for seed in range(3):
        random = np.random.default_rng(seed)
        guide = random.random((1, 1, height, width), dtype=np.float32)
        flow = random.normal(0, 1, (1, 2, height, width)).astype(np.float32)
        run = engine.start(picture(seed, engine.package.manifest.size_wh)[None])
        masks, memory = run.stabilise(guide, flow, memory)
        found += [masks, run.readout()]
    return found


@SHIPPED
def test_with_the_batch_fixed_the_labels_are_the_same(name: str) -> None:
    package = open_package(name)
    with (
        closing(device_engine(package, max_batch=1)) as fixed,
        closing(ort.load(package, Settings("f32", 1, None))) as plain,
    ):
        for one, other in zip(frames(fixed), frames(plain), strict=True):
            # but where two classes lie so close that rounding decides: graphs are optimised otherwise
            assert (one.labels == other.labels).mean() > 0.9999
            assert len(np.unique(one.labels)) > 1


def given_to_a_provider(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Has every session write the graph that a provider is asked to take nodes of."""
    number = count()

    class Writing(onnxruntime.SessionOptions):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.optimized_model_filepath = str(folder / f"{next(number)}.onnx")

        def __setattr__(self, key: str, value: Any) -> None:
            # providers are asked before the optimisations beyond the basic ones
            basic = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
            super().__setattr__(key, basic if key == "graph_optimization_level" else value)

    monkeypatch.setattr(onnxruntime, "SessionOptions", Writing)


def operators(folder: Path) -> list[set[str]]:
    """Of each graph in a folder, in the order in which they were written."""
    files = sorted(folder.glob("*.onnx"), key=lambda path: int(path.stem))
    return [{node.op_type for node in onnx.load(file).graph.node} for file in files]


@SHIPPED
def test_with_the_batch_fixed_nothing_is_left_for_the_cpu(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nodes that compute shapes are what providers leave to it."""
    given_to_a_provider(monkeypatch, tmp_path)
    device_engine(open_package(name), max_batch=2).close()
    read_alone = [found for found in operators(tmp_path) if "Shape" in found]
    assert len(read_alone) == 3  # each file as it is, the batch open, for its tensors' names and types
    fixed = [found for found in operators(tmp_path) if "Shape" not in found]
    # the probe; the graphs for one picture; sums of logits and memory; two memories joined
    assert len(fixed) == 1 + 3 + 2 + 1
    assert set().union(*fixed) <= ON_CUDA


@SHIPPED
def test_with_the_batch_fixed_it_is_float_throughout(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """CUDA's kernels of these operators are for float32; of other types there are fewer."""
    given_to_a_provider(monkeypatch, tmp_path)
    device_engine(open_package(name), max_batch=1).close()
    for file in tmp_path.glob("*.onnx"):
        graph = onnx.shape_inference.infer_shapes(onnx.load(file)).graph
        if any(node.op_type == "Shape" for node in graph.node):
            continue
        types = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info)}
        odd = {
            node.op_type
            for node in graph.node
            if types.get(node.input[0], TensorProto.FLOAT) != TensorProto.FLOAT
        }
        assert odd <= {"Cast", "Transpose", "Where"}  # pictures, labels, and conditions
