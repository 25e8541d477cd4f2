"""A package's segmenter in int8, made by hand: what calibration would make, without calibrating."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from streamseg.inference.manifest import MANIFEST_NAME, GraphFile, Int8, dump_manifest, sha256_file
from streamseg.inference.package import Package

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
