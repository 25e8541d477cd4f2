"""The networks a run has trained so far, or begins from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch

from streamseg.errors import TrainingError
from streamseg.inference.packages.package import open_package
from streamseg.networks.discriminator import SpatialDiscriminator
from streamseg.networks.efficientnet_lite import MissingWeightsError
from streamseg.networks.segmenter import Segmenter
from streamseg.networks.stabiliser import Stabiliser
from streamseg.training.config.recipe import Recipe
from streamseg.training.data.labels import read_picture
from streamseg.training.data.train_pictures import TrainPictures
from streamseg.training.loop import checkpoint
from streamseg.training.networks.warm_start import inherit

SHOTS = 16  # pictures that tell the statistics a package's graph no longer has


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


def first_networks(recipe: Recipe) -> Networks:
    """What a recipe's first stage goes on from; the segmenters of several starts become one.

    Networks that went on from the same weights lie in one valley: the mean of their weights does about as
    well as the networks together (model soups, Wortsman et al. 2022).

    Raises:
        PackageError: A package is damaged.
        TrainingError: A start is missing, or its networks are others.
    """
    each = [load_networks(recipe, start) for start in recipe.starts]
    if len(each) > 1:
        return Networks(_mean([networks.need_segmenter() for networks in each]))
    return each[0] if each else Networks()


def _mean(segmenters: Sequence[Segmenter]) -> Segmenter:
    """The first one, with the mean of all weights and statistics; counters stay its own."""
    states = [segmenter.state_dict() for segmenter in segmenters]
    for name, own in states[0].items():
        if own.dtype.is_floating_point:
            own.copy_(torch.stack([state[name] for state in states]).mean(0))
    return segmenters[0]


def load_networks(recipe: Recipe, start: Path) -> Networks:
    """The segmenter of a package or of another run's stage, and its critic if the stage had one.

    Args:
        recipe: The run that begins there; its networks must be of the same kind.
        start: Folder of the package, or of the stage with its checkpoint.

    Raises:
        PackageError: The package is damaged.
        TrainingError: There is neither, or its networks are others.
    """
    if (start / "model.yaml").exists():
        return Networks(_from_package(recipe, start))
    path = start / "checkpoint.safetensors"
    if not path.exists():
        raise TrainingError(
            f"start: {start} holds no checkpoint and no package: train that stage first, or name another"
        )
    tensors, _ = checkpoint.load(path)
    segmenter = new_segmenter(recipe, pretrained=False)
    checkpoint.load_model(segmenter, tensors, "average", path)
    if not checkpoint.unpack("critic", tensors):
        return Networks(segmenter)
    critic = SpatialDiscriminator(len(recipe.classes))
    checkpoint.load_model(critic, tensors, "critic", path)
    return Networks(segmenter, critic)


def new_classes(recipe: Recipe) -> list[int]:
    """Ids of the recipe's classes that a package among its starts does not know.

    Raises:
        PackageError: A package is damaged.
    """
    packages = [open_package(start) for start in recipe.starts if (start / "model.yaml").exists()]
    known = [{one.name for one in package.manifest.classes} for package in packages]
    return [i for i, one in enumerate(recipe.classes) if not all(one.name in names for names in known)]


def _from_package(recipe: Recipe, package: Path) -> Segmenter:
    segmenter = new_segmenter(recipe, pretrained=False)
    train = TrainPictures(recipe)
    chosen = [train.picture(len(train) * index // SHOTS) for index in range(SHOTS)]
    pictures = map(read_picture, chosen)
    shots = [cv2.resize(picture, recipe.size, interpolation=cv2.INTER_AREA) for picture in pictures]
    inherit(segmenter, package, [known.name for known in recipe.classes], shots)
    return segmenter


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
