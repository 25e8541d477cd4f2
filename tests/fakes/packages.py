"""Tiny model packages with random but fixed weights, in exactly the shape of the real ones.

The segmenter reads colours through one strided convolution; the stabiliser is a small gated update on a
flow-warped memory; the readout enlarges and takes the argmax. An all-white picture gives NaN logits, on
purpose: see `WHITE_IS_NAN`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from streamseg.inference.packages.manifest import (
    MANIFEST_NAME,
    GraphFile,
    GraphRole,
    Graphs,
    InputSize,
    Manifest,
    ManifestClass,
    MemoryShape,
    dump_manifest,
    sha256_file,
)
from streamseg.inference.packages.package import Package

STRIDE = 4
HIDDEN = 4  # memory channels beside the classes
WHITE_IS_NAN = 0.97  # mean brightness (0…1) above which the segmenter's logits are NaN
OPSET = 17
IR_VERSION = 8


@dataclass(frozen=True, slots=True)
class Tiny:
    """What a tiny package should look like.

    Attributes:
        size_wh: Picture and label map, pixels; multiples of 4.
        classes: Number of classes.
        stabiliser: Bring one (and a memory).
        readout: Bring one.
        features: The segmenter gives features and the stabiliser takes them.
        discriminator: Bring one.
        seed: Of the weights.
    """

    size_wh: tuple[int, int] = (64, 48)
    classes: int = 5
    stabiliser: bool = True
    readout: bool = True
    features: bool = False
    discriminator: bool = False
    seed: int = 0

    @property
    def plane(self) -> tuple[int, int]:
        """Height and width of logits and memory."""
        return self.size_wh[1] // STRIDE, self.size_wh[0] // STRIDE

    @property
    def memory_channels(self) -> int:
        return self.classes + HIDDEN


def make_package(folder: Path, tiny: Tiny | None = None, name: str = "tiny") -> Package:
    """Writes a package into `folder/name` and gives it back; the same bytes every time."""
    tiny = tiny or Tiny()
    path = folder / name
    path.mkdir(parents=True)
    models = {GraphRole.SEGMENTER: segmenter(tiny)}
    if tiny.stabiliser:
        models[GraphRole.STABILISER] = stabiliser(tiny)
    if tiny.readout:
        models[GraphRole.READOUT] = readout(tiny)
    if tiny.discriminator:
        models[GraphRole.DISCRIMINATOR] = discriminator(tiny)
    for role, model in models.items():
        onnx.save(model, path / f"{role}.onnx")
    return write_manifest(path, tiny, name, list(models))


def write_manifest(path: Path, tiny: Tiny, name: str, roles: Sequence[GraphRole]) -> Package:
    """(Re)writes `model.yaml` for the graphs that lie in the folder now."""
    files = {
        role.value: GraphFile(file=f"{role}.onnx", sha256=sha256_file(path / f"{role}.onnx"))
        for role in roles
    }
    height, width = tiny.plane
    manifest = Manifest(
        schema_version=1,
        name=name,
        version="1",
        input=InputSize(width=tiny.size_wh[0], height=tiny.size_wh[1]),
        classes=tuple(
            ManifestClass(id=i, name=f"class{i}", color=(i * 40 % 256, i * 90 % 256, 255 - i))
            for i in range(tiny.classes)
        ),
        license="CC0-1.0",
        data="random numbers",
        graphs=Graphs(**files),
        memory=MemoryShape(channels=tiny.memory_channels, width=width, height=height)
        if tiny.stabiliser
        else None,
    )
    dump_manifest(manifest, path / MANIFEST_NAME)
    return Package(path, manifest)


class _Graph:
    """Collects nodes and weights of one graph."""

    def __init__(self, tiny: Tiny, seed: int) -> None:
        self.tiny = tiny
        self.random = np.random.default_rng([tiny.seed, seed])
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def const(self, value: NDArray[Any]) -> str:
        name = f"const{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def f32(self, *values: float) -> str:
        return self.const(
            np.array(values, np.float32)
            if len(values) > 1
            else np.float32(values[0]) * np.ones((), np.float32)
        )

    def add(self, op: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def conv(
        self, source: str, channels: tuple[int, int], kernel: int, stride: int = 1, output: str = ""
    ) -> str:
        scale = 1.0 / np.sqrt(channels[0] * kernel * kernel)
        weight = self.random.normal(0, scale, (channels[1], channels[0], kernel, kernel)).astype(np.float32)
        bias = self.random.normal(0, 0.3, channels[1]).astype(np.float32)
        before, after = kernel // 2, kernel - stride - kernel // 2 if stride > 1 else kernel // 2
        pads = [max(before, 0)] * 2 + [max(after, 0)] * 2
        return self.add(
            "Conv", source, self.const(weight), self.const(bias), output=output,
            kernel_shape=[kernel, kernel], strides=[stride, stride], pads=pads,
        )  # fmt: skip

    def model(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        graph = helper.make_graph(self.nodes, name, list(inputs), list(outputs), self.weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def segmenter(tiny: Tiny) -> Any:
    """`image` → `logits`, and `features` where asked for."""
    graph = _Graph(tiny, 1)
    width, height = tiny.size_wh
    pixels = graph.add("Cast", "image", to=TensorProto.FLOAT)
    planes = graph.add("Transpose", pixels, perm=[0, 3, 1, 2])
    unit = graph.add("Div", planes, graph.f32(255.0))
    body = graph.add(
        "Relu",
        graph.conv(graph.add("Sub", unit, graph.f32(0.5)), (3, 8), STRIDE + 1, STRIDE),
        output="features",
    )
    logits = graph.conv(graph.add("Mul", body, graph.f32(8.0)), (8, tiny.classes), 1)
    brightness = graph.add("ReduceMean", unit, axes=[1, 2, 3], keepdims=1)
    poison = graph.add(
        "Mul", graph.add("Log", graph.add("Sub", graph.f32(WHITE_IS_NAN), brightness)), graph.f32(1e-6)
    )
    graph.add("Add", logits, poison, output="logits")
    outputs = [_float("logits", tiny.classes, *tiny.plane)]
    if tiny.features:
        outputs.append(_float("features", 8, *tiny.plane))
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", height, width, 3])
    return graph.model("segmenter", [image], outputs)


def stabiliser(tiny: Tiny) -> Any:
    """A gated update on the memory carried along the flow, as the real one does it."""
    graph = _Graph(tiny, 2)
    channels = tiny.memory_channels
    warped = graph.add(
        "GridSample", "memory", _grid(graph), mode="bilinear", padding_mode="border", align_corners=0
    )
    fresh = graph.add("LogSoftmax", "logits", axis=1)
    parts = [fresh, warped, "guide"] + (["features"] if tiny.features else [])
    width = tiny.classes + channels + 1 + (8 if tiny.features else 0)
    seen = graph.add("Concat", *parts, axis=1)
    gate = graph.add("Sigmoid", graph.conv(seen, (width, channels), 3))
    candidate = graph.add("Concat", fresh, graph.conv("guide", (1, HIDDEN), 3), axis=1)
    change = graph.add("Mul", gate, graph.add("Sub", candidate, warped))
    graph.add("Add", warped, change, output="memory_out")
    first = graph.const(np.array([0], np.int64))
    last = graph.const(np.array([tiny.classes], np.int64))
    scores = graph.add("Slice", "memory_out", first, last, graph.const(np.array([1], np.int64)))
    _read_out(graph, scores)
    inputs = [
        _float("logits", tiny.classes, *tiny.plane),
        _float("guide", 1, *tiny.plane),
        _float("flow", 2, *tiny.plane),
        _float("memory", channels, *tiny.plane),
    ]
    if tiny.features:
        inputs.append(_float("features", 8, *tiny.plane))
    return graph.model("stabiliser", inputs, [*_maps(tiny), _float("memory_out", channels, *tiny.plane)])


def readout(tiny: Tiny) -> Any:
    """`logits` → `labels`, `confidence`."""
    graph = _Graph(tiny, 3)
    _read_out(graph, "logits")
    return graph.model("readout", [_float("logits", tiny.classes, *tiny.plane)], _maps(tiny))


def discriminator(tiny: Tiny) -> Any:
    """`image`, `logits` → `realness`: the largest softmax probability, whatever the picture."""
    graph = _Graph(tiny, 4)
    width, height = tiny.size_wh
    certain = graph.add("ReduceMax", graph.add("Softmax", "logits", axis=1), axes=[1], keepdims=1)
    pixels = graph.add("Cast", "image", to=TensorProto.FLOAT)
    nothing = graph.add("Mul", graph.add("ReduceMean", pixels, axes=[1, 2, 3], keepdims=1), graph.f32(0.0))
    graph.add("Add", certain, nothing, output="realness")
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", height, width, 3])
    inputs = [image, _float("logits", tiny.classes, *tiny.plane)]
    return graph.model("discriminator", inputs, [_float("realness", 1, *tiny.plane)])


def _grid(graph: _Graph) -> str:
    """Sampling places of GridSample: each cell plus its flow, in -1…1 of the picture `[N, h, w, 2]`."""
    height, width = graph.tiny.plane
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    base = np.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], axis=-1)[None]
    moved = graph.add("Transpose", "flow", perm=[0, 2, 3, 1])
    scaled = graph.add("Mul", moved, graph.f32(2.0 / width, 2.0 / height))
    return graph.add("Add", graph.const(base.astype(np.float32)), scaled)


def _read_out(graph: _Graph, scores: str) -> None:
    factors = graph.const(np.array([1, 1, STRIDE, STRIDE], np.float32))
    large = graph.add(
        "Resize", scores, "", factors, mode="linear", coordinate_transformation_mode="half_pixel"
    )
    winner = graph.add("ArgMax", large, axis=1, keepdims=0)
    graph.add("Cast", winner, to=TensorProto.UINT8, output="labels")
    certain = graph.add("ReduceMax", graph.add("Softmax", scores, axis=1), axes=[1], keepdims=1)
    wide = graph.add(
        "Resize", certain, "", factors, mode="linear", coordinate_transformation_mode="half_pixel"
    )
    flat = graph.add("Squeeze", wide, graph.const(np.array([1], np.int64)))
    byte = graph.add(
        "Clip", graph.add("Round", graph.add("Mul", flat, graph.f32(255.0))), graph.f32(0.0), graph.f32(255.0)
    )
    graph.add("Cast", byte, to=TensorProto.UINT8, output="confidence")


def _float(name: str, channels: int, height: int, width: int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", channels, height, width])


def _maps(tiny: Tiny) -> list[Any]:
    width, height = tiny.size_wh
    return [
        helper.make_tensor_value_info(name, TensorProto.UINT8, ["N", height, width])
        for name in ("labels", "confidence")
    ]
