"""A package's segmenter in int8, made by hand: what calibration would make, without calibrating."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from streamseg.inference.packages.manifest import MANIFEST_NAME, GraphFile, Int8, dump_manifest, sha256_file
from streamseg.inference.packages.package import Package

FILE = "segmenter-int8.onnx"
SCALE = 1 / 127  # of the picture, which is -0.5…0.5 where it enters the first convolution


def add_int8(package: Package, loss: float = 0.2, allowed: float = 0.5, graph: Path | None = None) -> Package:
    """Gives a package a graph in int8, or what is passed off as one; writes its manifest again."""
    path = package.path / FILE
    if graph is None:
        onnx.save(quantised(onnx.load(package.path / "segmenter.onnx")), path)
    else:
        path.write_bytes(graph.read_bytes())
    entry = GraphFile(file=FILE, sha256=sha256_file(path))
    int8 = Int8(segmenter=entry, measure="miou", loss=loss, allowed=allowed, frames=8)
    manifest = package.manifest.model_copy(update={"int8": int8})
    dump_manifest(manifest, package.path / MANIFEST_NAME)
    return Package(package.path, manifest)


def quantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The first convolution of a graph sees its input in steps of `SCALE`."""
    graph = model.graph
    at, conv = next((i, node) for i, node in enumerate(graph.node) if node.op_type == "Conv")
    graph.initializer.append(numpy_helper.from_array(np.float32(SCALE), "step"))
    graph.initializer.append(numpy_helper.from_array(np.int8(0), "zero"))
    source = conv.input[0]
    conv.input[0] = "coarse"
    graph.node.insert(at, helper.make_node("DequantizeLinear", ["bytes", "step", "zero"], ["coarse"]))
    graph.node.insert(at, helper.make_node("QuantizeLinear", [source, "step", "zero"], ["bytes"]))
    return model


def make_uneven(package: Package, by: float = 3000.0) -> Package:
    """Makes a channel in front of the last convolution `by` times larger, and its weights as much smaller.

    What the package says in float stays the same. In int8 a scale has to hold for all channels of an
    activation, so that this one leaves nothing of the others.
    """
    path = package.path / "segmenter.onnx"
    model = onnx.load(path)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    first, last = (node for node in model.graph.node if node.op_type == "Conv")
    for name, axis, factor in ((first.input[1], 0, by), (first.input[2], 0, by), (last.input[1], 1, 1 / by)):
        values = numpy_helper.to_array(weights[name]).copy()
        np.moveaxis(values, axis, 0)[0] *= factor
        weights[name].CopyFrom(numpy_helper.from_array(values, name))
    onnx.save(model, path)
    entry = GraphFile(file="segmenter.onnx", sha256=sha256_file(path))
    graphs = package.manifest.graphs.model_copy(update={"segmenter": entry})
    manifest = package.manifest.model_copy(update={"graphs": graphs})
    dump_manifest(manifest, package.path / MANIFEST_NAME)
    return Package(package.path, manifest)
