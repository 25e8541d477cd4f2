"""Labelled pictures on disk: pairs found, and read as class ids however the files write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.recipe_data import IGNORE, LabelledSet, SplitRecipe
from streamseg.training.data.label_file import decode_label, label_path, missing_labels
from streamseg.training.data.label_space import LabelSpace, SetLabels, set_labels
from streamseg.training.data.palette import Color, ids_of, pack, read_color_table
from streamseg.types import U8

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture and its label map."""

    image: Path
    label: Path


@dataclass(frozen=True, slots=True)
class Labelling:
    """How label files are read.

    Attributes:
        classes: How many, sets of classes included; what is read are ids 0…classes-1 and 255.
        void: Ids in the files that are ignored, besides 255.
        remap: Id in the files → class or 255; empty: the ids are those of the classes.
        colors: Colour → id in the files, for labels of three channels.
        color_table: The recipe names a table of colours: files with a palette are colours too, not ids.
    """

    classes: int
    void: tuple[int, ...] = ()
    remap: Mapping[int, int] = field(default_factory=dict)
    colors: Mapping[Color, int] = field(default_factory=dict)
    color_table: bool = False

    @property
    def known(self) -> set[int]:
        """Ids the files may hold."""
        return {*(self.remap or range(self.classes)), *self.void, IGNORE}

    def table(self) -> U8:
        """Id in a file → what is read, `[256]`; without a remap, ids that are not known stay themselves."""
        table = np.full(256, IGNORE, np.uint8) if self.remap else np.arange(256, dtype=np.uint8)
        table[list(self.remap)] = list(self.remap.values())
        table[list(self.void)] = IGNORE
        return table


def training_labelling(recipe: Recipe, one: LabelledSet, space: LabelSpace) -> Labelling:
    """How the labels of a training set are read, as ids of the space that all sets share.

    Raises:
        TrainingError: A label stands for nothing, or the table of colours cannot be used.
    """
    labels = set_labels(recipe, one)
    if labels is None:
        # with ids for sets of classes, an id beyond the classes must not pass for one of them
        same = {i: i for i in range(space.classes)} if space.groups else {}
        return _labelling(recipe, one, None, len(space), one.remap or recipe.data.remap or same)
    ids = {index: space.index(classes) for index, classes in enumerate(labels.stands_for)}
    return _labelling(recipe, one, labels, len(space), ids)


def own_labelling(recipe: Recipe, one: LabelledSet) -> Labelling:
    """How the labels of a set are read that is measured on, as ids of its own labels.

    Raises:
        TrainingError: A label stands for nothing, or the table of colours cannot be used.
    """
    labels = set_labels(recipe, one)
    if labels is None:
        remap = recipe.data.remap if one.remap is None else one.remap
        return _labelling(recipe, one, None, len(recipe.classes), remap)
    ids = {index: index if classes else IGNORE for index, classes in enumerate(labels.stands_for)}
    return _labelling(recipe, one, labels, len(labels.names), ids)


def _labelling(
    recipe: Recipe, one: LabelledSet, labels: SetLabels | None, ids: int, remap: Mapping[int, int]
) -> Labelling:
    """Colours are those of the recipe's classes where no table is named."""
    table = one.colors or recipe.data.colors
    names = list(labels.names) if labels else [c.name for c in recipe.classes]
    own = {c.color: names.index(c.name) for c in recipe.classes if c.name in names}
    colors = own if table is None else read_color_table(table)
    void = recipe.data.void if one.void is None else one.void
    remap = {index: id_ for index, id_ in remap.items() if labels is None or index not in void}
    return Labelling(ids, tuple(void), remap, colors, color_table=table is not None)


def find_pairs(split: SplitRecipe) -> list[Pair]:
    """All pairs of a split, by name, less the excluded.

    Raises:
        TrainingError: A folder is missing, a picture has no label, or nothing is left.
    """
    problems = split_problems(split)
    if problems:
        raise TrainingError("data: " + "; ".join(problems))
    return pictures(split)


def split_problems(split: SplitRecipe) -> list[str]:
    """Why the files of a split do not make pairs, one line each."""
    gone = [folder for folder in (split.images, split.labels) if not folder.is_dir()]
    if gone:
        return [f"{folder}: no such folder (set STREAMSEG_DATA, or edit the recipe)" for folder in gone]
    pairs = pictures(split)
    missing = [pair.image.name for pair in pairs if not pair.label.is_file()]
    if missing:
        return [f"{missing_labels(split.labels, missing, split.images)}: {few(missing)}"]
    return [] if pairs else [f"no pictures in {split.images}{unread_files(split)}"]


def unread_files(split: SplitRecipe) -> str:
    """What else is in the folder of pictures, in words; empty where there is nothing."""
    others = Counter(p.suffix.lower() for p in split.images.iterdir() if p.is_file())
    told = [f"{n:,} {suffix or 'without a suffix'}" for suffix, n in others.items() if suffix not in PICTURES]
    return f" ({few(told)}; read are {', '.join(sorted(PICTURES))}: convert them)" if told else ""


def pictures(split: SplitRecipe) -> list[Pair]:
    """The pictures a split takes, by name, each with the path its label should have."""
    images = sorted(p for p in split.images.iterdir() if p.suffix.lower() in PICTURES)
    images = [p for p in images if not named_like(p, split.exclude)]
    return [Pair(p, label_path(split.labels, p.stem)) for p in images[:: split.every]]


def named_like(path: Path, patterns: Sequence[str]) -> bool:
    """Whether a file's name fits one of the patterns, as in a shell."""
    return any(fnmatch(path.name, pattern) for pattern in patterns)


def read_pair(pair: Pair, labelling: Labelling) -> tuple[U8, U8]:
    """Read one pair: RGB `[H, W, 3]` and label map `[H, W]` of class ids and 255.

    Raises:
        TrainingError: One of the files cannot be decoded or is not of its kind.
    """
    image = cv2.imread(str(pair.image))
    if image is None:
        raise TrainingError(f"data: {pair.image}: cannot be decoded")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), read_label(pair.label, labelling)


def read_picture(path: Path) -> U8:
    """Read a picture by itself, RGB `[H, W, 3]`.

    Raises:
        TrainingError: There is none, or the file is not one.
    """
    if not path.is_file():
        raise TrainingError(f"{path}: no such picture")
    image = cv2.imread(str(path))
    if image is None:
        raise TrainingError(f"{path}: cannot be decoded as a picture (PNG, JPEG, BMP, … are)")
    rgb: U8 = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def read_label(path: Path, labelling: Labelling) -> U8:
    """Read one label map `[H, W]` of class ids and 255; a colour not in the table is ignored.

    Raises:
        TrainingError: The file cannot be decoded or is no label map.
    """
    label = decode_label(path, by_index=not labelling.color_table)
    fault = "cannot be decoded" if label is None else label_fault(label, labelling)
    if label is None or fault is not None:
        raise TrainingError(f"data: {path}: {fault}")
    if label.ndim == 2:
        plain: U8 = labelling.table()[label]
        return plain
    ids, known = ids_of(pack(label[..., ::-1].astype(np.uint8)), labelling.colors)
    return np.where(known, labelling.table()[ids], np.uint8(IGNORE))


def label_fault(label: NDArray[np.generic], labelling: Labelling) -> str | None:
    """What keeps an array, as OpenCV decodes it, from being a label map; None: nothing."""
    if label.dtype != np.uint8:
        return f"a label must have 8 bits a channel, this has {label.dtype.itemsize * 8}"
    if label.ndim == 2 or (label.shape[2] == 3 and labelling.colors):
        return None
    if label.shape[2] == 4:
        return "a label must not be transparent: save it without an alpha channel"
    return f"a label must be one channel of ids, or three of colours a recipe names: found {label.shape}"


def class_shares(pairs: Sequence[Pair], labelling: Labelling) -> NDArray[np.float64]:
    """Share of labelled pixels of each id, `[ids]`, summing to 1."""
    counts = np.zeros(256, np.int64)
    for pair in pairs:
        counts += np.bincount(read_label(pair.label, labelling).ravel(), minlength=256)
    known = counts[: labelling.classes].astype(np.float64)
    shares: NDArray[np.float64] = known / max(known.sum(), 1.0)
    return shares


def few(names: Sequence[str]) -> str:
    """The first five, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
