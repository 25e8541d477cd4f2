"""A network that begins with a package's weights says what the package says, and learns as any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from streamseg.errors import PackageError, TrainingError
from streamseg.networks.decoder import DECODERS
from streamseg.networks.segmenter import Segmenter
from streamseg.training.config.recipe import Recipe, parse_recipe
from streamseg.training.data.labels import find_pairs, read_picture
from streamseg.training.export.export import export
from streamseg.training.networks.checkpoint_networks import load_networks, new_segmenter
from tests.training.conftest import recipe_document


def shots(recipe: Recipe) -> Tensor:
    found = [read_picture(pair.image) for pair in find_pairs(recipe.data.train[0])]
    return torch.stack([torch.from_numpy(shot).permute(2, 0, 1) for shot in found])


def packaged(recipe: Recipe, folder: Path) -> Segmenter:
    """A segmenter whose normalisations have seen something, exported."""
    torch.manual_seed(5)
    segmenter = new_segmenter(recipe, pretrained=False)
    for norm in (module for module in segmenter.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.normal_(norm.bias)
    with torch.no_grad():
        for _ in range(10):
            segmenter(shots(recipe))
    export(recipe, segmenter.eval(), None, folder)
    return segmenter


def other(pictures: Path, **segment: Any) -> Recipe:
    document = recipe_document(pictures)
    document["segment"] |= segment
    return parse_recipe(document, "test")


@pytest.mark.parametrize(
    ("architecture", "encoder"), [*((decoder, "vgg") for decoder in DECODERS), ("fpn", "lite0")]
)
def test_it_says_what_the_package_says(
    pictures: Path, tmp_path: Path, architecture: str, encoder: str
) -> None:
    recipe = other(pictures, architecture=architecture, encoder=encoder)
    before = packaged(recipe, tmp_path / "package")
    after = load_networks(recipe, tmp_path / "package").need_segmenter()
    seen = shots(recipe)
    with torch.no_grad():
        expected, found = before(seen), after.eval()(seen)
    # the weights' float16 is the only difference
    assert (found - expected).abs().max() < 0.02 * expected.abs().max()


def test_in_training_it_begins_there_too(recipe: Recipe, tmp_path: Path) -> None:
    """Statistics of the batch take the place of those measured, which are much the same."""
    packaged(recipe, tmp_path / "package")
    segmenter = load_networks(recipe, tmp_path / "package").need_segmenter()
    segmenter.dropout.p = 0.0
    seen = shots(recipe)
    with torch.no_grad():
        calm, learning = segmenter.eval()(seen), segmenter.train()(seen)
    assert (calm.argmax(1) == learning.argmax(1)).float().mean() > 0.9


def test_classes_are_known_by_name(recipe: Recipe, pictures: Path, tmp_path: Path) -> None:
    before = packaged(recipe, tmp_path / "package")
    document = recipe_document(pictures)
    document["classes"] = [document["classes"][2], {"name": "kerb", "color": [1, 2, 3]}]
    anew = parse_recipe(document, "test")
    torch.manual_seed(9)
    untouched = new_segmenter(anew, pretrained=False).classifier.weight[1]
    torch.manual_seed(9)
    found = load_networks(anew, tmp_path / "package").need_segmenter().classifier.weight
    assert torch.allclose(found[0], before.classifier.weight[2], atol=1e-3)
    assert torch.equal(found[1], untouched)


def test_another_network_is_said(recipe: Recipe, pictures: Path, tmp_path: Path) -> None:
    packaged(recipe, tmp_path / "package")
    for unlike in ({"width": 24}, {"architecture": "unet"}, {"encoder": "lite0"}):
        with pytest.raises(TrainingError, match=r"package is another than the recipe's: segment\.encoder"):
            load_networks(other(pictures, **unlike), tmp_path / "package")


def test_a_damaged_package_is_said(recipe: Recipe, tmp_path: Path) -> None:
    packaged(recipe, tmp_path / "package")
    (tmp_path / "package/segmenter.onnx").write_bytes(b"something else")
    with pytest.raises(PackageError, match=r"segmenter\.onnx"):
        load_networks(recipe, tmp_path / "package")
