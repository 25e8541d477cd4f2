"""The networks a run has trained so far, or begins from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from streamseg.errors import TrainingError
from streamseg.models.discriminator import SpatialDiscriminator
from streamseg.models.lite import MissingWeightsError
from streamseg.models.segmenter import Segmenter
from streamseg.models.stabiliser import Stabiliser
from streamseg.training import checkpoint
from streamseg.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Networks:
    """What is there, None for what is not yet.

    Attributes:
        segmenter: Averaged weights.
        critic: The discriminator that learnt beside it.
        stabiliser: Averaged weights.
    """

    segmenter: Segmenter | None = None
    critic: SpatialDiscriminator | None = None
    stabiliser: Stabiliser | None = None

    def need_segmenter(self) -> Segmenter:
        """The segmenter.

        Raises:
            TrainingError: There is none yet.
        """
        if self.segmenter is None:
            raise TrainingError("there is no segmenter yet: begin with the stage segment, or name a start")
        return self.segmenter


def load_networks(recipe: Recipe, start: Path) -> Networks:
    """The segmenter of another run's stage, and its critic if it had one.

    Args:
        recipe: The run that begins there; its networks must be of the same kind.
        start: Folder of the stage, with its checkpoint.

    Raises:
        TrainingError: There is no checkpoint, or its networks are others.
    """
    path = start / "checkpoint.safetensors"
    if not path.exists():
        raise TrainingError(f"start: {start} holds no checkpoint: train that stage first, or name another")
    tensors, _ = checkpoint.load(path)
    segmenter = new_segmenter(recipe, pretrained=False)
    checkpoint.load_model(segmenter, tensors, "average", path)
    if not checkpoint.unpack("critic", tensors):
        return Networks(segmenter)
    critic = SpatialDiscriminator(len(recipe.classes))
    checkpoint.load_model(critic, tensors, "critic", path)
    return Networks(segmenter, critic)


def new_segmenter(recipe: Recipe, *, pretrained: bool) -> Segmenter:
    """The network a recipe describes, in the channels-last layout.

    Raises:
        TrainingError: `pretrained`, and the encoder's ImageNet weights are not installed.
    """
    settings = recipe.segment
    try:
        model = Segmenter(
            len(recipe.classes),
            architecture=settings.architecture,
            encoder=settings.encoder,
            width=settings.width,
            pretrained=pretrained,
        )
    except MissingWeightsError as error:
        raise TrainingError(
            f"segment.encoder {settings.encoder}: {error}, or set segment.pretrained to false"
        ) from error
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    return model
