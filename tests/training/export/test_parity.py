"""A package is held against the networks it was exported from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from streamseg.errors import TrainingError
from streamseg.inference.packages.package import open_package
from streamseg.networks.segmenter import Segmenter
from streamseg.networks.stabiliser import Stabiliser
from streamseg.training.config.recipe import Recipe
from streamseg.training.export.export import export
from streamseg.training.export.parity import BACKENDS, measure_parity
from streamseg.training.networks.checkpoint_networks import new_segmenter
from streamseg.training.stages.stabilise import new_stabiliser
from streamseg.types import U8
from tests.training.conftest import draw


def pictures(count: int = 4, noise: float = 12) -> list[U8]:
    """A still scene, with a sensor's noise."""
    scene, rng = draw(1)[0].astype(np.float32), np.random.default_rng(2)
    return [np.clip(scene + rng.normal(0, noise, scene.shape), 0, 255).astype(np.uint8) for _ in range(count)]


@pytest.fixture
def networks(recipe: Recipe) -> tuple[Segmenter, Stabiliser]:
    """With opinions: untrained, but their normalisation has seen pictures, so that every class is found."""
    torch.manual_seed(1)
    segmenter, stabiliser = new_segmenter(recipe, pretrained=False), new_stabiliser(recipe)
    batch = torch.from_numpy(np.stack(pictures())).permute(0, 3, 1, 2)
    with torch.no_grad():
        for _ in range(30):
            segmenter.train()(batch)
        segmenter.eval()
        segmenter.classifier.weight *= 20
        segmenter.classifier.bias -= segmenter(batch).mean((0, 2, 3))
    return segmenter, stabiliser.eval()


@pytest.mark.parametrize("stabilised", [True, False])
def test_an_export_says_what_was_trained(
    recipe: Recipe, networks: tuple[Segmenter, Stabiliser], tmp_path: Path, stabilised: bool
) -> None:
    segmenter, stabiliser = networks[0], networks[1] if stabilised else None
    export(recipe, segmenter, stabiliser, tmp_path / "tiny")
    parity = measure_parity(open_package(str(tmp_path / "tiny")), segmenter, stabiliser, pictures())
    assert parity.frames == 4
    assert list(parity.agreed) == list(BACKENDS)
    assert all(0.99 <= share <= 1 for share in parity.agreed.values())


def test_another_network_is_refused(
    recipe: Recipe, networks: tuple[Segmenter, Stabiliser], tmp_path: Path
) -> None:
    export(recipe, *networks, tmp_path / "tiny")
    networks[0].classifier.weight.data.neg_()
    with pytest.raises(TrainingError, match=r"openvino on .*%, onnxruntime on .*% agree with them") as caught:
        measure_parity(open_package(str(tmp_path / "tiny")), *networks, pictures())
    assert "at least 99% must" in str(caught.value)


def test_a_memory_that_is_kept_otherwise_is_found(
    recipe: Recipe, networks: tuple[Segmenter, Stabiliser], tmp_path: Path
) -> None:
    """The first picture alone would agree: the graphs differ in what they make of the past."""
    export(recipe, *networks, tmp_path / "tiny")
    package = open_package(str(tmp_path / "tiny"))
    with torch.no_grad():
        dict(networks[1].named_parameters())["gates.bias"].sub_(40)  # keeps nothing
    assert measure_parity(package, *networks, pictures(1, noise=60)).agreed["openvino"] > 0.99
    with pytest.raises(TrainingError, match="are not the networks that were trained"):
        measure_parity(package, *networks, pictures(6, noise=60))
