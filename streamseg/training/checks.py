"""Everything wrong with a recipe's data, found before the first step and said in one go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from streamseg.errors import TrainingError
from streamseg.training.colors import Packed, ids_of, pack, unpack
from streamseg.training.data import (
    IGNORE,
    Labelling,
    Pair,
    few,
    label_fault,
    labelling_of,
    pictures,
    split_problems,
    unread_files,
)
from streamseg.training.label_file import SUFFIXES, decode_label, read_palette
from streamseg.training.recipe import Recipe, SplitRecipe
from streamseg.training.unlabelled import find_stills
from streamseg.types import U8

LEAST_PICTURES = 8  # to train on; below, a batch is the whole set
MANY_COLORS = 16  # unknown in one label file: no table will have forgotten that many
MOST_LINES = 10  # of one kind of problem
BINARY = {0, 255}


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look at the data found, one line each: `problems` forbid training, `warnings` do not."""

    problems: list[str]
    warnings: list[str]


@dataclass(slots=True)
class Census:
    """What the pairs of one split hold.

    Attributes:
        pictures: How many there are, with a label or not.
        pixels: Labelled pixels of each class, `[256]`.
        strange: What is unknown (`label id 7`, `colour 1 2 3`) → label file → its pixels.
        ids: That stand in the files.
        problems: The rest of what is wrong, one line each.
    """

    pictures: int = 0
    pixels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    strange: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    ids: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def check_data(recipe: Recipe) -> Findings:
    """Look at every picture and label of a recipe once."""
    data = recipe.data
    try:
        labelling = labelling_of(recipe)
    except TrainingError as error:
        files = _named("train", split_problems(data.train)) + _named("val", split_problems(data.val))
        return Findings([*bounded(str(error).splitlines()), *files], [])
    train, val = take_census(data.train, labelling), take_census(data.val, labelling)
    names = [c.name for c in recipe.classes]
    empty = binary_masks(train, labelling) or empty_classes(train, names)
    train_lines = [*split_lines(data.train, train), *too_few(train), *bounded(empty)]
    val_lines = split_lines(data.val, val)
    return Findings(
        [*_named("train", train_lines), *_named("val", val_lines), *_unlabelled(recipe)],
        [
            *_named("train", lone_labels(data.train) + lone_files(data.train)),
            *_named("val", lone_labels(data.val) + lone_files(data.val)),
            *_named("val", bounded(unmeasured_classes(train, val, names))),
        ],
    )


def _unlabelled(recipe: Recipe) -> list[str]:
    """Why the pictures without labels cannot be used, where a stage wants them."""
    if "semi" not in recipe.stages:
        return []
    try:
        find_stills(recipe.data.unlabelled)
    except TrainingError as error:
        return [str(error)]
    return []


def _named(split: str, lines: Sequence[str]) -> list[str]:
    return [f"{split}: {line}" for line in lines]


def take_census(split: SplitRecipe, labelling: Labelling) -> Census:
    """Read every pair whose files are there."""
    pairs = pictures(split) if split.images.is_dir() else []
    census = Census(len(pairs))
    for pair in pairs:
        if pair.label.is_file():
            census.problems += _look(pair, labelling, census)
    return census


def split_lines(split: SplitRecipe, census: Census) -> list[str]:
    """All that is wrong with the files of a split; an unknown id or colour is one line for all its files."""
    unknown = [
        f"unknown {what} in {len(files)} labels: "
        + few([f"{name} ({pixels} pixels)" for name, pixels in files.items()])
        for what, files in census.strange.items()
    ]
    return split_problems(split) + bounded(census.problems) + bounded(unknown)


def bounded(lines: Sequence[str]) -> list[str]:
    """The first few lines of a kind, and how many more there are."""
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], *([f"and {more:,} more like these"] if more > 0 else [])]


def binary_masks(train: Census, labelling: Labelling) -> list[str]:
    """One line where all labels are masks of 0 and 255, which alone would mean "ignore"."""
    if not train.ids or not train.ids <= BINARY or labelling.remap or IGNORE not in train.ids:
        return []
    hint = "where 255 is a class, say so with data.remap: {0: 0, 255: 1}"
    return [f"labels hold only 0 and 255, and 255 means 'ignore'; {hint}"]


def too_few(train: Census) -> list[str]:
    """One line where there are pictures, but not enough to learn from."""
    if 0 < train.pictures < LEAST_PICTURES:
        return [f"{train.pictures} pictures are too few to train on: label {LEAST_PICTURES} or more"]
    return []


def empty_classes(train: Census, names: Sequence[str]) -> list[str]:
    """Classes nobody labelled, one line each; none where nothing could be read at all."""
    if not train.pixels[: len(names)].any():
        return []
    return [f"class {name} has not a single pixel" for i, name in enumerate(names) if not train.pixels[i]]


def unmeasured_classes(train: Census, val: Census, names: Sequence[str]) -> list[str]:
    """Classes that are learnt but not in val, one line each; none where no val label could be read."""
    if not val.pixels[: len(names)].any():
        return []
    alone = (train.pixels > 0) & (val.pixels == 0)
    return [
        f"class {name} is not in it, so it cannot be measured" for i, name in enumerate(names) if alone[i]
    ]


def _look(pair: Pair, labelling: Labelling, census: Census) -> list[str]:
    """Count one pair; returns what is wrong with its files."""
    image = cv2.imread(str(pair.image))
    label: Any = decode_label(pair.label, by_index=not labelling.color_table)
    if image is None or label is None:
        broken = [path for path, read in ((pair.image, image), (pair.label, label)) if read is None]
        return [f"{path}: cannot be decoded" for path in broken]
    fault = label_fault(label, labelling) or _grey_fault(label, labelling)
    fault_of_palette = palette_fault(pair.label, labelling)
    problems = [f"{pair.label}: {one}" for one in (fault, fault_of_palette) if one is not None]
    if image.shape[:2] != label.shape[:2]:
        problems.append(f"{pair.image}: picture of {_size(image)} pixels, label of {_size(label)}")
    if fault is None:
        _count(pair.label.name, label, labelling, census)
    return problems


def _grey_fault(label: U8, labelling: Labelling) -> str | None:
    """That ids were saved as a grey picture of three channels; None where these are colours."""
    if label.ndim == 2 or not (label == label[..., :1]).all():
        return None
    known = ids_of(pack(label), labelling.colors)[1]
    return None if known.any() else "three channels that are all the same: save one alone, as 8-bit grey"


def _count(name: str, label: U8, labelling: Labelling, census: Census) -> None:
    ids = label
    if label.ndim == 3:
        packed = pack(label[..., ::-1])
        every, known = ids_of(packed, labelling.colors)
        ids = every[known]
        for what, pixels in _unknown_colors(packed[~known]):
            census.strange[what][name] = pixels
    counts = np.bincount(ids.ravel(), minlength=256)
    census.ids.update(np.flatnonzero(counts).tolist())
    for unknown in sorted(set(np.flatnonzero(counts).tolist()) - labelling.known):
        census.strange[f"label id {unknown}"][name] = int(counts[unknown])
        counts[unknown] = 0
    np.add.at(census.pixels, labelling.table(), counts)


def _unknown_colors(packed: Packed) -> list[tuple[str, int]]:
    colors, counts = np.unique(packed, return_counts=True)
    if len(colors) > MANY_COLORS:
        return [(f"colours, more than {MANY_COLORS} (a photograph, or JPEG's?),", len(packed))]
    return [(f"colour {unpack(int(c))}", int(n)) for c, n in zip(colors, counts, strict=True)]


def palette_fault(path: Path, labelling: Labelling) -> str | None:
    """That a palette shows an index in the colour of another class; None where it does not."""
    found = None if labelling.color_table else read_palette(path)
    if found is None:
        return None
    indices, palette = found
    for index in np.unique(indices).tolist():
        meant = labelling.colors.get(tuple(palette[index].tolist()))
        if meant is not None and meant != int(labelling.table()[index]):
            return (
                f"its palette shows index {index} in the colour of class {meant}; indices are what counts: "
                "say which is which with data.remap, or name a table of colours (data.colors)"
            )
    return None


def lone_files(split: SplitRecipe) -> list[str]:
    """Files beside the pictures that are no pictures, in one line."""
    other = unread_files(split) if split.images.is_dir() else ""
    return [f"some files in {split.images} are not read{other}"] if other else []


def lone_labels(split: SplitRecipe) -> list[str]:
    """Labels without a picture, in one line; those of excluded pictures are not meant."""
    if not (split.images.is_dir() and split.labels.is_dir()):
        return []
    stems = {path.stem for path in split.images.iterdir()}
    labels = (path for path in split.labels.iterdir() if path.suffix in SUFFIXES)
    lone = sorted(path.name for path in labels if path.stem not in stems)
    return [f"{len(lone)} labels in {split.labels} have no picture: {few(lone)}"] if lone else []


def _size(image: NDArray[np.generic]) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
