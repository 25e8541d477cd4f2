"""Exported graphs say what torch says, in both backends, and keep their weights small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from streamseg.errors import TrainingError
from streamseg.inference.backend import Settings
from streamseg.inference.backends import ort
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.packages.manifest import GraphRole, Manifest, load_manifest
from streamseg.inference.packages.package import open_package
from streamseg.networks.discriminator import SpatialDiscriminator
from streamseg.networks.segmenter import Segmenter
from streamseg.networks.stabiliser import ConvGRUStabiliser, Stabiliser
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import DiscriminatorRecipe
from streamseg.training.export.export import _write, export
from streamseg.training.networks.checkpoint_networks import new_segmenter
from streamseg.training.stages.adversarial_loss import AdversarialLoss
from streamseg.training.stages.stabilise import new_stabiliser
from tests.training.conftest import with_encoder

Exported = tuple[Path, Segmenter, Stabiliser]


def exported_from(recipe: Recipe, folder: Path) -> Exported:
    torch.manual_seed(3)
    segmenter, stabiliser = new_segmenter(recipe, pretrained=True).eval(), new_stabiliser(recipe).eval()
    assert isinstance(stabiliser, ConvGRUStabiliser)
    torch.nn.init.normal_(stabiliser.candidate.weight, std=0.1)
    export(recipe, segmenter, stabiliser, folder)
    return folder, segmenter, stabiliser


@pytest.fixture
def exported(recipe: Recipe, tmp_path: Path) -> Exported:
    return exported_from(recipe, tmp_path / "tiny")


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_exported_equals_eager(recipe: Recipe, tmp_path: Path, backend: Any) -> None:
    folder, segmenter, stabiliser = exported_from(with_encoder(recipe, "lite0"), tmp_path / "tiny")
    engine = load_engine(open_package(str(folder)), backend=backend, precision="f32")
    rng = np.random.default_rng(0)
    memory, eager = engine.fresh_memory(), torch.zeros(1, stabiliser.memory_channels, 12, 16)
    for _ in range(3):
        image = rng.integers(0, 256, (1, 48, 64, 3)).astype(np.uint8)
        guide, flow = (
            rng.random((1, 1, 12, 16), np.float32),
            rng.normal(0, 1, (1, 2, 12, 16)).astype(np.float32),
        )
        run = engine.start(image)
        masks, memory = run.stabilise(guide, flow, memory)
        with torch.inference_mode():
            logits = segmenter(torch.from_numpy(image).permute(0, 3, 1, 2))
            labels, confidence, eager = stabiliser(
                logits, torch.from_numpy(guide), torch.from_numpy(flow), eager
            )
        # the weights' float16 is the only difference
        assert np.abs(run.logits() - logits.numpy()).max() < 0.02 * np.abs(logits.numpy()).max()
        assert (masks.labels == labels.numpy()).mean() > 0.98
        assert masks.confidence is not None
        assert np.abs(masks.confidence.astype(int) - confidence.numpy()).mean() < 3
    engine.close()


def test_large_weights_are_stored_in_half_the_bytes(exported: Exported) -> None:
    graph = onnx.load(exported[0] / "segmenter.onnx").graph
    large = [t for t in graph.initializer if np.prod(t.dims) >= 256]
    assert large
    assert {t.data_type for t in large} == {onnx.TensorProto.FLOAT16}


def test_only_the_batch_is_open(exported: Exported) -> None:
    for path in sorted(exported[0].glob("*.onnx")):
        graph = onnx.load(path).graph
        for value in (*graph.input, *graph.output):
            dims = value.type.tensor_type.shape.dim
            assert dims[0].dim_param == "N", f"{path.name}: {value.name}"
            assert all(d.dim_value > 0 for d in dims[1:]), f"{path.name}: {value.name}"


def test_manifest_tells_what_was_exported(exported: Exported) -> None:
    manifest: Manifest = load_manifest(exported[0] / "model.yaml")
    assert manifest.size_wh == (64, 48)
    assert manifest.memory is not None
    assert manifest.memory.channels == exported[2].memory_channels
    assert [c.name for c in manifest.classes] == ["ground", "disc", "bar"]
    assert manifest.parameters == sum(p.numel() for m in exported[1:] for p in m.parameters())


def test_an_older_package_is_replaced_and_nothing_else(exported: Exported, recipe: Recipe) -> None:
    folder, segmenter, _ = exported
    (folder / "README.md").write_text("the card of the older one")
    (folder / "notes.txt").write_text("a user's own")
    (folder / "segment").mkdir()
    (folder / "segment/checkpoint.safetensors").write_bytes(b"not the export's")
    export(recipe, segmenter, None, folder)
    assert sorted(p.name for p in folder.iterdir()) == [
        "model.yaml", "notes.txt", "readout.onnx", "segment", "segmenter.onnx",
    ]  # fmt: skip
    assert (folder / "segment/checkpoint.safetensors").exists()
    assert load_manifest(folder / "model.yaml").memory is None


@pytest.mark.parametrize("loss", ["bce", "least_squares"])
def test_a_discriminator_says_what_it_said_to_the_segmenter(
    recipe: Recipe, tmp_path: Path, loss: Any
) -> None:
    torch.manual_seed(4)
    critic = SpatialDiscriminator(3).eval()
    with torch.no_grad():
        for parameter in critic.judge.layers[-1].parameters():
            parameter.fill_(0.001)  # inside of both readings
    settings = recipe.adversarial.model_copy(update={"critic": DiscriminatorRecipe(loss=loss)})
    judged = recipe.model_copy(update={"adversarial": settings})
    manifest = export(judged, new_segmenter(recipe, pretrained=False).eval(), None, tmp_path / "tiny", critic)
    assert manifest.graphs.discriminator is not None
    image = torch.randint(0, 256, (1, 48, 64, 3), dtype=torch.uint8)
    logits = torch.randn(1, 3, 12, 16)
    with ort.opened(tmp_path / "tiny/discriminator.onnx", tmp_path, Settings("f32", 1, None)) as graph:
        ours = graph.start({"image": image.numpy(), "logits": logits.numpy()}).result()["realness"]
    judging = AdversarialLoss(critic, settings.critic)
    believed = judging.believes((image.permute(0, 3, 1, 2).float() / 255, logits.softmax(1)))
    np.testing.assert_allclose(ours, believed.numpy(), atol=0.02)
    assert 0 < ours.min() <= ours.max() < 1


def test_a_graph_that_some_backend_refuses_is_not_exported(recipe: Recipe, tmp_path: Path) -> None:
    class Sorting(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image.float().sort(dim=1).values

    with pytest.raises(TrainingError, match=r"segmenter\.onnx: operators TopK: not taken by"):
        _write(tmp_path, GraphRole.SEGMENTER, Sorting(), {"image": torch.zeros(1, 4)}, {"logits": (4,)})
    assert not (tmp_path / "segmenter.onnx").exists()
