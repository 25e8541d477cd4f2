"""Labelled pictures to measure on: where they are found, and how they are shown one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe, load_recipe
from streamseg.training.config.recipe_data import IGNORE, LabelledSet, SplitRecipe
from streamseg.training.data.class_map import ClassMap, match_classes, match_labels
from streamseg.training.data.label_space import NAMES_FILE, read_names, set_labels
from streamseg.training.data.labels import Labelling, Pair, find_pairs, own_labelling, read_pair
from streamseg.types import U8

MOST_IDS = 8  # that are told


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled pictures to measure on.

    Attributes:
        pairs: In order.
        clip: They are consecutive frames, so steadiness can be measured.
        labelling: How their labels are read; None: as ids of the model's classes.
        fps: Rate of the clip, frames a second.
        names: Of their classes, by id; None: nobody said, so ids are those of the model.
        stands_for: Names of the classes that each of `names` may be; None: these are the classes.
        map: What is measured, once a model is known; None: the ids as they are.
        unknown: Ids that belong to no class, by label file: pixels of each. Filled while labels are read.
    """

    pairs: Sequence[Pair]
    clip: bool
    labelling: Labelling | None = None
    fps: float = 15.0
    names: tuple[str, ...] | None = None
    stands_for: tuple[tuple[str, ...], ...] | None = None
    map: ClassMap | None = None
    unknown: dict[Path, dict[int, int]] = field(default_factory=dict, compare=False)

    def read(self, pair: Pair, classes: int) -> tuple[U8, U8]:
        """A picture and its truth; every id that is none of the model's `classes` is ignored, and noted."""
        image, truth = read_pair(pair, self.labelling or Labelling(classes))
        known = classes if self.map is None else self.map.data_classes
        counts = np.bincount(truth.ravel(), minlength=256)
        beyond = {int(i): int(counts[i]) for i in np.flatnonzero(counts) if known <= i < IGNORE}
        if beyond:
            self.unknown[pair.label] = beyond
        truth = np.where(truth < known, truth, IGNORE).astype(np.uint8)
        return image, truth if self.map is None else self.map.of_data[truth]

    def classes(self, package: Sequence[str]) -> tuple[str, ...]:
        """Names of the classes that are measured of a package with these."""
        return tuple(package) if self.map is None else self.map.names

    def matched(self, package: Sequence[str], pairs: Sequence[tuple[str, str]] = ()) -> Dataset:
        """The same pictures, their classes brought together by name with those of a package.

        Raises:
            TrainingError: Names do not fit (see `match_classes`), or there are pairs and nobody named the
                pictures' classes.
        """
        if self.map is not None:
            return self
        if self.names is None:
            if pairs:
                raise TrainingError(
                    f"--map: the classes of the pictures have no names: put a {NAMES_FILE} with one on each "
                    "line, in the order of the ids, beside the folders of pictures and labels"
                )
            return self
        if self.stands_for is not None:
            labels = dict(zip(self.names, self.stands_for, strict=True))
            return replace(self, map=match_labels(package, labels, pairs))
        return replace(self, map=match_classes(package, self.names, pairs))

    def unknown_ids(self) -> str:
        """Ids that were read and belong to no class, in words; empty where there was none."""
        pixels: Counter[int] = Counter()
        for found in self.unknown.values():
            pixels.update(found)
        told = [f"{index} ({count:,} pixels)" for index, count in sorted(pixels.items())[:MOST_IDS]]
        more = f" and {len(pixels) - MOST_IDS} more" if len(pixels) > MOST_IDS else ""
        if not told:
            return ""
        return (
            f"label ids that are no class: {', '.join(told)}{more} in {len(self.unknown):,} labels; these "
            "pixels are ignored"
        )


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

    CamVid's names `val/` and `valannot/` are understood too. A file `classes.txt` in the folder names the
    classes, one on each line, in the order of their ids.

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
        found = main_dataset(recipe)
        return found if clip is None else replace(found, clip=clip)
    for images, labels, is_clip in (("images", "labels", False), ("val", "valannot", True)):
        if (data / images).is_dir() and (data / labels).is_dir():
            pairs = find_pairs(SplitRecipe(images=data / images, labels=data / labels))
            return Dataset(pairs, is_clip if clip is None else clip, names=read_names(data / NAMES_FILE))
    raise TrainingError(
        f"{data}: expected a recipe, or a folder with images/ and labels/ (or val/ and valannot/)"
    )


def val_dataset(recipe: Recipe, one: LabelledSet) -> Dataset:
    """The pictures of one val set of a recipe, in the set's own labels; as stills.

    Raises:
        TrainingError: They cannot be found, or a label stands for nothing.
    """
    classes, labels = [c.name for c in recipe.classes], set_labels(recipe, one)
    found = Dataset(find_pairs(one), clip=False, labelling=own_labelling(recipe, one), names=tuple(classes))
    if labels is None:
        return found
    stands_for = tuple(tuple(classes[i] for i in each) for each in labels.stands_for)
    return replace(found, names=labels.names, stands_for=stands_for)


def val_datasets(recipe: Recipe) -> dict[str, Dataset]:
    """All val sets of a recipe by name, the main one first.

    Raises:
        TrainingError: See `val_dataset`.
    """
    return {recipe.data.val.name or "val": main_dataset(recipe), **other_datasets(recipe)}


def main_dataset(recipe: Recipe) -> Dataset:
    """The main val set of a recipe, a clip where the recipe says so. Raises TrainingError: `val_dataset`."""
    return replace(val_dataset(recipe, recipe.data.val), clip=recipe.data.val_is_clip)


def other_datasets(recipe: Recipe) -> dict[str, Dataset]:
    """The further val sets of a recipe by name. Raises TrainingError: see `val_dataset`."""
    return {one.name: val_dataset(recipe, one) for one in recipe.data.val_sets}


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
