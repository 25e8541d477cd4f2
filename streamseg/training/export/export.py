"""From trained networks to a model package: ONNX graphs with fp16 weights, and `model.yaml`."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor, nn

from streamseg.inference.packages.manifest import (
    MANIFEST_NAME,
    GraphFile,
    GraphRole,
    Graphs,
    InputSize,
    Manifest,
    ManifestClass,
    MemoryShape,
    dump_manifest,
    sha256_file,
)
from streamseg.networks.discriminator import SpatialDiscriminator
from streamseg.networks.readout import Readout
from streamseg.networks.segmenter import Segmenter
from streamseg.networks.stabiliser import Stabiliser
from streamseg.training.augment.camera_motion import cells
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import Adversarial
from streamseg.training.export.compatibility import check_portability
from streamseg.training.export.fp16_weights import shrink_weights
from streamseg.training.export.lineage import Origin
from streamseg.training.stages.adversarial_loss import realness

OPSET = 17
CARD_NAME = "README.md"  # beside the manifest, written when the package was measured


class DiscriminatorGraph(nn.Module):
    """The package's discriminator: image as the segmenter's, and logits, to realness `[N, 1, h, w]`, 0…1."""

    def __init__(self, critic: SpatialDiscriminator, loss: Adversarial) -> None:
        super().__init__()
        self.critic, self.loss = critic, loss

    def forward(self, image: Tensor, logits: Tensor) -> Tensor:
        """Judge the maps of a segmenter."""
        picture = image.permute(0, 3, 1, 2).float() / 255
        # in place of the critic's own pooling, to whatever size the map has, which ONNX does not know
        small = F.avg_pool2d(picture, int(picture.shape[-1]) // int(logits.shape[-1]))
        verdicts = self.critic.judge(torch.cat([small, logits.softmax(1)], 1))
        return realness(verdicts, self.loss)


class SegmenterGraph(nn.Module):
    """The package's segmenter: image `[N, H, W, 3]` uint8 RGB to logits `[N, C, h, w]` float32."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, image: Tensor) -> Tensor:
        """Segment."""
        logits: Tensor = self.segmenter(image.permute(0, 3, 1, 2))
        return logits


def export(
    recipe: Recipe,
    segmenter: Segmenter,
    stabiliser: Stabiliser | None,
    folder: Path,
    critic: SpatialDiscriminator | None = None,
    origin: Origin | None = None,
) -> Manifest:
    """Write a package; an older one at the same place is replaced only when the new one is whole.

    Of a folder that is there, only files with the names of a package's own are replaced.

    Args:
        recipe: Names, sizes, licence.
        segmenter: Trained.
        stabiliser: Trained, or None for a package without.
        folder: The package's folder.
        critic: Of the stages that had one: `streamseg explain` shows what it says.
        origin: What the weights began with, and the licence that follows; None: with nothing.

    Raises:
        TrainingError: Some backend would not take a graph; every reason.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    (width, height), (w, h) = recipe.size, cells(recipe.size)
    classes = len(recipe.classes)
    logits = torch.zeros(1, classes, h, w)
    image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    masks = {"labels": (height, width), "confidence": (height, width)}
    _write(
        part, GraphRole.SEGMENTER, SegmenterGraph(segmenter), {"image": image}, {"logits": (classes, h, w)}
    )
    _write(part, GraphRole.READOUT, Readout(), {"logits": logits}, masks)
    if stabiliser is not None:
        memory = torch.zeros(1, stabiliser.memory_channels, h, w)
        guide, flow = torch.zeros(1, 1, h, w), torch.zeros(1, 2, h, w)
        inputs = {"logits": logits, "guide": guide, "flow": flow, "memory": memory}
        _write(part, GraphRole.STABILISER, stabiliser, inputs, {**masks, "memory_out": memory.shape[1:]})
    if critic is not None:
        judge = DiscriminatorGraph(critic, recipe.critic_loss)
        _write(
            part, GraphRole.DISCRIMINATOR, judge, {"image": image, "logits": logits}, {"realness": (1, h, w)}
        )
    manifest = _manifest(recipe, part, [m for m in (segmenter, stabiliser) if m is not None], stabiliser)
    if origin is not None:
        about = {"license": origin.license, "lineage": tuple(origin.parents) or None}
        manifest = manifest.model_copy(update=about)
    dump_manifest(manifest, part / MANIFEST_NAME)
    _replace(folder, part)
    return manifest


def _replace(folder: Path, part: Path) -> None:
    """Move a new package to its place. The manifest goes first and comes last: half a package is none."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (MANIFEST_NAME, CARD_NAME, *(f"{role}.onnx" for role in GraphRole)):
        (folder / name).unlink(missing_ok=True)
    for file in sorted(part.iterdir(), key=lambda file: file.name == MANIFEST_NAME):
        file.replace(folder / file.name)
    part.rmdir()


def _write(
    folder: Path,
    role: GraphRole,
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: Mapping[str, Sequence[int]],
) -> None:
    path = folder / f"{role}.onnx"
    trace(module.eval(), inputs, list(outputs), path)
    model = onnx.load(path)
    shrink_weights(model)
    fix_sizes(model, outputs)
    onnx.checker.check_model(model)
    path.unlink()
    check_portability(model, path.name)
    onnx.save(model, path)


def trace(module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], path: Path) -> None:
    """Write a module as an ONNX graph, float32, with the sizes of `inputs` and any batch.

    Args:
        module: In the mode it is to be written in.
        inputs: Examples by name, in the order of its arguments.
        outputs: Names of what it returns.
        path: The file.
    """
    names = list(inputs)
    with warnings.catch_warnings():
        # The tracing exporter gives the smaller graph; its deprecation notice and its remarks on sizes fixed
        # on purpose are noise.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, tuple(inputs.values()), str(path), opset_version=OPSET, dynamo=False,
            input_names=names, output_names=outputs,
            dynamic_axes={name: {0: "N"} for name in [*names, *outputs]},
        )  # fmt: skip


def fix_sizes(model: Any, sizes: Mapping[str, Sequence[int]]) -> None:
    """Write the outputs' static sizes into the graph, which the exporter leaves open; only N stays so."""
    for output in model.graph.output:
        shape = output.type.tensor_type.shape
        shape.ClearField("dim")
        shape.dim.add().dim_param = "N"
        for size in sizes[output.name]:
            shape.dim.add().dim_value = size


def _manifest(
    recipe: Recipe, folder: Path, networks: Sequence[nn.Module], stabiliser: Stabiliser | None
) -> Manifest:
    files = {role.value: folder / f"{role}.onnx" for role in GraphRole}
    graphs = {name: GraphFile(file=p.name, sha256=sha256_file(p)) for name, p in files.items() if p.is_file()}
    w, h = cells(recipe.size)
    return Manifest(
        schema_version=1,
        name=recipe.name,
        version=recipe.version,
        input=InputSize(width=recipe.size[0], height=recipe.size[1]),
        classes=tuple(ManifestClass(id=i, name=c.name, color=c.color) for i, c in enumerate(recipe.classes)),
        license=recipe.data.license,
        data=recipe.data.statement,
        graphs=Graphs(**graphs),
        memory=MemoryShape(channels=stabiliser.memory_channels, width=w, height=h) if stabiliser else None,
        parameters=sum(p.numel() for network in networks for p in network.parameters()),
    )
