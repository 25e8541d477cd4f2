"""Labelled pictures to measure on: where they are found, and how they are shown one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamseg.errors import TrainingError
from streamseg.training.data import IGNORE, Labelling, Pair, find_pairs, labelling_of, read_pair
from streamseg.training.recipe import SplitRecipe, load_recipe
from streamseg.types import U8


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled pictures to measure on.

    Attributes:
        pairs: In order.
        clip: They are consecutive frames, so steadiness can be measured.
        labelling: How their labels are read; None: as ids of the model's classes.
        fps: Rate of the clip, frames a second.
    """

    pairs: Sequence[Pair]
    clip: bool
    labelling: Labelling | None = None
    fps: float = 15.0

    def read(self, pair: Pair, classes: int) -> tuple[U8, U8]:
        """A picture and its truth; every id that is none of the model's `classes` is ignored."""
        image, truth = read_pair(pair, self.labelling or Labelling(classes))
        return image, np.where(truth < classes, truth, IGNORE).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture as it is shown to a model.

    Attributes:
        index: Its place in the clip, lost frames counted.
        time_s: Its time in the clip, seconds.
        scene: What was before the camera, RGB `[H, W, 3]` uint8; motion is measured on it.
        image: What the model gets to see of it, the same shape.
        truth: Class ids `[H, W]` uint8, 255 where there is no label.
    """

    index: int
    time_s: float
    scene: U8
    image: U8
    truth: U8


def find_dataset(data: Path, *, clip: bool | None = None) -> Dataset:
    """Find the pictures of a recipe's val split, or of a folder with `images/` and `labels/`.

    CamVid's names `val/` and `valannot/` are understood too.

    Args:
        data: File or folder.
        clip: Whether the pictures are consecutive frames; None: as the recipe says, true for CamVid's val,
            else false.

    Raises:
        TrainingError: Nothing usable there.
        ConfigError: The recipe is invalid.
    """
    if data.is_file():
        recipe = load_recipe(data)
        is_clip = recipe.data.val_is_clip if clip is None else clip
        return Dataset(find_pairs(recipe.data.val), is_clip, labelling_of(recipe))
    for images, labels, is_clip in (("images", "labels", False), ("val", "valannot", True)):
        if (data / images).is_dir() and (data / labels).is_dir():
            pairs = find_pairs(SplitRecipe(images=data / images, labels=data / labels))
            return Dataset(pairs, is_clip if clip is None else clip)
    raise TrainingError(
        f"{data}: expected a recipe, or a folder with images/ and labels/ (or val/ and valannot/)"
    )


def shots(data: Dataset, classes: int) -> Iterator[Shot]:
    """The pictures in order, read one by one; every id that is none of the `classes` is ignored.

    Raises:
        TrainingError: A file cannot be decoded.
    """
    for index, pair in enumerate(data.pairs):
        yield read_shot(data, pair, classes, index)


def read_shot(data: Dataset, pair: Pair, classes: int, index: int = 0) -> Shot:
    """One picture at its place, seen as it is. Raises TrainingError where a file cannot be decoded."""
    image, truth = data.read(pair, classes)
    return Shot(index, index / data.fps, image, image, truth)
