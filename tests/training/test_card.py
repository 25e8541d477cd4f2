"""The card says data, licence, measures and limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from streamseg.inference.manifest import load_manifest
from streamseg.training.card import card, networks_text, parity_text
from streamseg.training.export import export
from streamseg.training.measures import Measures
from streamseg.training.networks import new_segmenter
from streamseg.training.parity import Parity
from streamseg.training.recipe import CardRecipe, Recipe
from tests.training.conftest import with_encoder

MEASURES = Measures(
    miou=0.7012, iou={"ground": 0.9, "disc": 0.6, "bar": 0.5}, accuracy=0.95, boundary_f1=0.8,
    calibration_error=0.021, temporal_iou=0.891, flicker=0.0023, changed_accuracy=0.47, frame_ms=12.0,
)  # fmt: skip
PARITY = Parity(16, {"openvino": 0.9998, "onnxruntime": 0.99994})


def test_what_only_a_person_knows_comes_from_the_recipe(recipe: Recipe, tmp_path: Path) -> None:
    manifest = export(recipe, new_segmenter(recipe, pretrained=False), None, tmp_path / "tiny")
    plain = card(recipe, manifest, {"none": MEASURES}, "openvino", PARITY)
    assert plain.splitlines()[2].startswith(
        "Semantic segmentation, 64×48 pixels, 3 classes: ground, disc, bar."
    )
    assert "on pictures of the same kind as those it learnt from, and on no others. The confidence" in plain
    said = CardRecipe(subject="drawings", limits="Never seen a square.")
    told = card(recipe.model_copy(update={"card": said}), manifest, {"none": MEASURES}, "openvino", PARITY)
    assert "Semantic segmentation of drawings, 64×48" in told
    assert "\nNever seen a square. The confidence" in told


def test_parity_in_words(recipe: Recipe, tmp_path: Path) -> None:
    assert parity_text(PARITY) == "99.98% (openvino) and 99.99% (onnxruntime)"
    manifest = export(recipe, new_segmenter(recipe, pretrained=False), None, tmp_path / "tiny")
    text = " ".join(card(recipe, manifest, {"none": MEASURES}, "openvino", PARITY).split())
    assert "Over 16 pictures in a row the exported graphs, in f32, give" in text
    assert "label to 99.98% (openvino) and 99.99% (onnxruntime) of the pixels" in text


def test_the_card_holds_what_was_measured(recipe: Recipe, tmp_path: Path) -> None:
    export(recipe, new_segmenter(recipe, pretrained=False), None, tmp_path / "tiny")
    manifest = load_manifest(tmp_path / "tiny/model.yaml")
    measures = {"none": MEASURES, "truth": replace(MEASURES, miou=1.0)}
    text = card(recipe, manifest, measures, "openvino 1 in f32", PARITY)
    for part in ("70.1%", "0.891", "0.23%", "CC0-1.0", "drawn by a test", "## Limits", "openvino 1 in f32"):
        assert part in text
    assert "| none | 90 | 60 | 50 |" in text
    assert "M parameters: VGG encoder, FPN decoder.\n" in text


def test_networks_have_the_names_people_know_them_by(recipe: Recipe) -> None:
    chosen = recipe.segment.model_copy(update={"encoder": "vgg", "architecture": "unet"})
    plain = recipe.stabilise.model_copy(update={"cell": "rnn"})
    other = recipe.model_copy(update={"segment": chosen, "stabilise": plain})
    assert networks_text(other, stabilised=False) == "VGG encoder, U-Net decoder"
    assert networks_text(other, stabilised=True).endswith(", motion-compensated tanh RNN")
    assert networks_text(with_encoder(recipe, "lite0"), stabilised=True) == (
        "EfficientNet-Lite0 encoder, FPN decoder, motion-compensated ConvGRU"
    )
