"""The graph around a network; what it computes is in test_package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamseg.convert.adapters import ANSWER, factor, with_logits, with_picture
from streamseg.convert.network import read_network
from streamseg.convert.options import ConvertOptions
from streamseg.convert.output_detection import OutputInterpretation, OutputKind
from tests.fakes.networks import Foreign, save_network

ASKED = ConvertOptions(("a", "b", "c", "d"))


@given(st.integers(1, 8192), st.integers(1, 8192))
def test_a_factor_gives_exactly_the_size(size: int, to: int) -> None:
    assert np.floor(np.float32(factor(size, to)) * np.float32(size)) == to


def test_its_ends_are_those_of_every_package(tmp_path: Path) -> None:
    network = read_network(save_network(tmp_path / "n.onnx", Foreign(layout="nhwc")), ASKED)
    front = with_picture(network, ASKED, "N")
    assert [entry.name for entry in front.graph.input] == ["image"]
    assert [entry.name for entry in front.graph.output] == [ANSWER]
    whole = with_logits(front, OutputInterpretation(OutputKind.LOGITS, 3, (12, 16)), 4, "N")
    (logits,) = whole.graph.output
    sizes = [size.dim_param or size.dim_value for size in logits.type.tensor_type.shape.dim]
    assert (logits.name, sizes) == ("logits", ["N", 4, 12, 16])


def test_names_of_the_network_that_are_ours_too_do_no_harm(tmp_path: Path) -> None:
    network = read_network(save_network(tmp_path / "n.onnx", Foreign()), ASKED)
    for node in network.model.graph.node:  # the convolution's result by the name of a package's
        node.output[:] = ["logits" if name == "scores" else name for name in node.output]
        node.input[:] = ["logits" if name == "scores" else name for name in node.input]
    whole = with_logits(
        with_picture(network, ASKED, 1), OutputInterpretation(OutputKind.LOGITS, 1, (12, 16)), 4, 1
    )
    produced = [name for node in whole.graph.node for name in node.output]
    assert len(produced) == len(set(produced))
