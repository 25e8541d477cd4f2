"""Where a graph can be cut: by what flows through it, whatever its tensors are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from streamseg.inference.packages.package import open_package
from streamseg.networks.segmenter import Segmenter
from streamseg.training.explain.graph_split import crossings, part
from streamseg.training.export.export import SegmenterGraph, trace

HEAD = """p = Cast <to = 1> (image)
q = Transpose <perm = [0, 3, 1, 2]> (p)
fine = Conv (q, w)
act = Relu (fine)
deep = Conv (act, w)
"""
PYRAMID = f"""{HEAD}size = Shape (act)
large = Resize (deep, , , size)
merged = Add (act, large)
hidden = Conv (merged, w)
bent = Relu (hidden)
logits = Conv (bent, w)
"""


def model(nodes: str) -> Any:
    head = '<ir_version: 8, opset_import: ["" : 17]>\ng (uint8[N, 4, 4, 3] image, float[3, 3, 1, 1] w)'
    return onnx.parser.parse_model(f"{head} => (float[N, 3, 4, 4] logits) {{\n{nodes}}}")


def test_the_last_meeting_with_a_hidden_layer_behind_it_is_first() -> None:
    assert crossings(model(PYRAMID)) == ["merged", "act", "fine", "q", "p", "bent", "hidden"]


def test_a_linear_end_leads_back_into_the_encoder() -> None:
    nodes = (
        f"{HEAD}bent = Relu (deep)\nlast = Conv (bent, w)\nsum = Add (act, last)\nlogits = Conv (sum, w)\n"
    )
    assert crossings(model(nodes))[0] == "act"
    assert "sum" in crossings(model(nodes)), "as a last resort"


def test_without_a_hidden_layer_it_is_the_classifiers_input() -> None:
    nodes = "p = Cast <to = 1> (image)\nq = Transpose <perm = [0, 3, 1, 2]> (p)\nlogits = Conv (q, w)\n"
    assert crossings(model(nodes)) == ["q", "p"]


def test_a_path_around_makes_it_none_and_a_dead_end_does_not() -> None:
    around = PYRAMID.replace("logits = Conv (bent, w)", "big = Conv (bent, w)\nlogits = Add (big, act)")
    assert crossings(model(around)) == ["act", "fine", "q", "p"]
    aside = PYRAMID + "features = Sigmoid (act)\n"
    assert crossings(model(aside)) == crossings(model(PYRAMID))


@pytest.mark.parametrize(("act", "first"), [("Mul (hidden, gate)", "merged"), ("Mul (hidden, w)", "q")])
def test_a_product_bends_where_both_sides_are_the_pictures(act: str, first: str) -> None:
    nodes = PYRAMID.replace("bent = Relu (hidden)", f"gate = Sigmoid (hidden)\nbent = {act}")
    assert crossings(model(nodes))[0] == first


def test_a_part_has_what_it_needs_and_no_more() -> None:
    whole = model(PYRAMID)
    whole.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "w"))
    whole.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(1, np.float32), "unused"))
    given = {name: onnx.ValueInfoProto(name=name) for name in ("merged", "image")}
    tail = part(whole, given, "logits").graph
    assert [node.output[0] for node in tail.node] == ["hidden", "bent", "logits"]
    assert [entry.name for entry in tail.input] == ["merged"]
    assert [entry.name for entry in tail.initializer] == ["w"]
    assert len(whole.graph.node) == 11, "the model itself is untouched"


def test_a_part_that_asks_for_an_earlier_size_keeps_the_picture() -> None:
    given = {name: onnx.ValueInfoProto(name=name) for name in ("deep", "image")}
    tail = part(model(PYRAMID.replace("Add (act, large)", "Neg (large)")), given, "logits").graph
    assert [entry.name for entry in tail.input] == ["deep", "image"]


@pytest.mark.parametrize(
    ("architecture", "kind"), [("fpn", "Add"), ("fcn", "Add"), ("unet", "Concat"), ("deeplab", "Concat")]
)
def test_every_decoder_of_the_trainer_has_one(architecture: str, kind: str, tmp_path: Path) -> None:
    network = Segmenter(5, architecture=architecture, width=16, pretrained=False)
    image = torch.zeros(1, 96, 128, 3, dtype=torch.uint8)
    trace(SegmenterGraph(network).eval(), {"image": image}, ["logits"], tmp_path / "s.onnx")
    whole = onnx.load(tmp_path / "s.onnx")
    first = crossings(whole)[0]
    assert [node.op_type for node in whole.graph.node if first in node.output] == [kind]
    assert ("decoder" in first) == (architecture != "fcn"), "FCN's decoder is linear to its end"


def test_in_the_shipped_package_it_is_the_pyramids_last_sum() -> None:
    path = open_package("camvid-lite0").graph("segmenter")
    assert path is not None
    whole = onnx.load(path)
    first = crossings(whole)[0]
    (maker,) = [node for node in whole.graph.node if first in node.output]
    behind = part(whole, {first: onnx.ValueInfoProto(name=first)}, "logits").graph.node
    assert maker.op_type == "Add"
    assert sum(node.op_type == "Conv" for node in behind) == 5, "two separable blocks and the classifier"
