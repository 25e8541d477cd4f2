"""The card says data, licence, measures and limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from streamseg.inference.packages.lineage import Parent
from streamseg.inference.packages.manifest import load_manifest
from streamseg.training.config.recipe import CardRecipe, Recipe
from streamseg.training.evaluation.evaluator import Measures
from streamseg.training.export.export import export
from streamseg.training.export.lineage import Origin
from streamseg.training.export.model_card import card, networks_text, parity_text, weak_classes
from streamseg.training.export.parity import Parity
from streamseg.training.networks.checkpoint_networks import new_segmenter
from streamseg.training.stages.stabilise import new_stabiliser
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


def test_stills_have_no_rows_of_what_nobody_measured(recipe: Recipe, tmp_path: Path) -> None:
    stabiliser = new_stabiliser(recipe)
    manifest = export(recipe, new_segmenter(recipe, pretrained=False), stabiliser, tmp_path / "tiny")
    nan = float("nan")
    stills = replace(
        MEASURES, temporal_iou=nan, flicker=nan, changed_accuracy=nan, iou={**MEASURES.iou, "bar": nan}
    )
    text = card(recipe, manifest, {"none": stills}, "openvino", PARITY)
    assert "nan" not in text
    assert "flicker" not in text
    assert "| none | 70.1% | 80.0% | 2.1% |" in text
    assert "| none | 90 | 60 | – |" in text
    assert "no clip, so steadiness was not measured. Nor was the ConvGRU, which the daemon uses" in text
    clip = card(recipe, manifest, {"none": MEASURES, "truth": MEASURES}, "openvino", PARITY)
    assert "| 0.23% |" in clip
    assert "ConvGRU, which" not in clip


def test_a_class_that_is_never_found_is_said(recipe: Recipe, tmp_path: Path) -> None:
    manifest = export(recipe, new_segmenter(recipe, pretrained=False), None, tmp_path / "tiny")
    blind = replace(MEASURES, iou={**MEASURES.iou, "bar": 0.001})
    assert weak_classes({"none": blind, "truth": MEASURES}) == "bar (IoU 0.1%)"
    assert weak_classes({"none": MEASURES}) == ""
    assert "Hardly ever found: bar (IoU 0.1%)." in card(recipe, manifest, {"none": blind}, "ort", PARITY)


def test_what_the_weights_begin_with_is_on_the_card(recipe: Recipe, tmp_path: Path) -> None:
    parent = Parent(relation="start", name="base", version="1.2", license="CC-BY-NC-4.0", sha256="ab" * 32)
    origin = Origin([parent], "CC-BY-NC-4.0")
    manifest = export(recipe, new_segmenter(recipe, pretrained=False), None, tmp_path / "tiny", None, origin)
    text = card(recipe, manifest, {"none": MEASURES}, "openvino", PARITY)
    assert "- start: base 1.2, CC-BY-NC-4.0, sha256 abababababab…" in text
    assert "**Licence of the weights: CC-BY-NC-4.0.**" in text
