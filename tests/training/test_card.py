"""The card says data, licence, measures and limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from streamseg.inference.manifest import load_manifest
from streamseg.training.card import card, networks
from streamseg.training.export import export
from streamseg.training.measures import Measures
from streamseg.training.networks import new_segmenter
from streamseg.training.recipe import Recipe

MEASURES = Measures(
    miou=0.7012, iou={"ground": 0.9, "disc": 0.6, "bar": 0.5}, accuracy=0.95, boundary_f1=0.8,
    calibration_error=0.021, temporal_iou=0.891, flicker=0.0023, changed_accuracy=0.47, frame_ms=12.0,
)  # fmt: skip


def test_the_card_holds_what_was_measured(recipe: Recipe, tmp_path: Path) -> None:
    export(recipe, new_segmenter(recipe, pretrained=False), None, tmp_path / "tiny")
    manifest = load_manifest(tmp_path / "tiny/model.yaml")
    text = card(
        recipe, manifest, {"none": MEASURES, "truth": replace(MEASURES, miou=1.0)}, "openvino 1 in f32"
    )
    for part in ("70.1%", "0.891", "0.23%", "CC0-1.0", "drawn by a test", "## Limits", "openvino 1 in f32"):
        assert part in text
    assert "| none | 90 | 60 | 50 |" in text
    assert "M parameters: EfficientNet-Lite0 encoder, FPN decoder.\n" in text


def test_networks_have_the_names_people_know_them_by(recipe: Recipe) -> None:
    chosen = recipe.segment.model_copy(update={"encoder": "vgg", "architecture": "unet"})
    plain = recipe.stabilise.model_copy(update={"cell": "rnn"})
    other = recipe.model_copy(update={"segment": chosen, "stabilise": plain})
    assert networks(other, stabilised=False) == "VGG encoder, U-Net decoder"
    assert networks(other, stabilised=True).endswith(", motion-compensated tanh RNN")
    assert networks(recipe, stabilised=True) == (
        "EfficientNet-Lite0 encoder, FPN decoder, motion-compensated ConvGRU"
    )
