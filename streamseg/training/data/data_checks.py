"""Everything wrong with a recipe's data, found before the first step and said in one go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.recipe_data import IGNORE, LabelledSet, SplitRecipe
from streamseg.training.data.label_file import SUFFIXES
from streamseg.training.data.label_space import LabelSpace, label_space, not_told_apart, set_labels
from streamseg.training.data.labels import (
    Labelling,
    few,
    own_labelling,
    split_problems,
    training_labelling,
    unread_files,
)
from streamseg.training.data.statistics import DatasetStatistics, collect_statistics
from streamseg.training.data.unlabelled import find_stills

LEAST_PICTURES = 8  # to train on; below, a batch is the whole set
MOST_LINES = 10  # of one kind of problem
BINARY = {0, 255}


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look at the data found, one line each: `problems` forbid training, `warnings` do not."""

    problems: list[str]
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class _Examined:
    """One data set, and what its files hold.

    Attributes:
        title: Of the set, in messages.
        one: Where its files are.
        labelling: How its labels are read; None: they cannot be, see `faults`.
        faults: Why, a line each.
        census: Empty where labels cannot be read.
    """

    title: str
    one: LabelledSet
    labelling: Labelling | None
    faults: list[str]
    census: DatasetStatistics

    def problems(self) -> list[str]:
        """What is wrong with its files."""
        if self.labelling is None:
            return _named(self.title, split_problems(self.one))
        masks = binary_masks(self.census, self.labelling)
        return _named(self.title, [*split_lines(self.one, self.census), *masks])

    def warnings(self) -> list[str]:
        """What is odd about its files."""
        return _named(self.title, lone_labels(self.one) + lone_files(self.one))


def check_data(recipe: Recipe) -> Findings:
    """Look at every picture and label of a recipe once."""
    (space, train), val = _train_sets(recipe), _val_sets(recipe)
    faults = dict.fromkeys(line for one in [*train, *val] for line in bounded(one.faults))
    total = _Total(recipe, space, train)
    return Findings(
        [
            *faults,
            *(line for one in train for line in one.problems()),
            *_named("train", total.problems()),
            *(line for one in val for line in one.problems()),
            *_unlabelled(recipe),
        ],
        [
            *(line for one in [*train, *val] for line in one.warnings()),
            *_named("train", total.warnings()),
            *(line for one in val for line in _named(one.title, bounded(_missing(recipe, one, total)))),
        ],
    )


def _train_sets(recipe: Recipe) -> tuple[LabelSpace, list[_Examined]]:
    """The sets, and the ids they share: where these cannot be told, the classes alone."""
    try:
        space = label_space(recipe)
    except TrainingError as error:
        faults = str(error).splitlines()
        sets = [
            _Examined(_title("train", one), one, None, faults, DatasetStatistics())
            for one in recipe.data.train
        ]
        return LabelSpace(len(recipe.classes)), sets
    return space, [
        _examined(_title("train", one), one, partial(training_labelling, recipe, one, space))
        for one in recipe.data.train
    ]


def _val_sets(recipe: Recipe) -> list[_Examined]:
    sets = [recipe.data.val, *recipe.data.val_sets]
    return [_examined(_title("val", one), one, partial(own_labelling, recipe, one)) for one in sets]


def _examined(title: str, one: LabelledSet, labelling_of: Callable[[], Labelling]) -> _Examined:
    try:
        labelling = labelling_of()
    except TrainingError as error:
        return _Examined(title, one, None, str(error).splitlines(), DatasetStatistics())
    return _Examined(title, one, labelling, [], collect_statistics(one, labelling))


def _title(split: str, one: LabelledSet) -> str:
    return f"{split} {one.name}" if one.name else split


class _Total:
    """All training sets together."""

    def __init__(self, recipe: Recipe, space: LabelSpace, sets: Sequence[_Examined]) -> None:
        self.classes = [c.name for c in recipe.classes]
        self.readable = all(one.labelling is not None for one in sets)
        self._pictures = sum(one.census.pictures for one in sets)
        self._binary = any(one.labelling and binary_masks(one.census, one.labelling) for one in sets)
        pixels = sum((one.census.pixels for one in sets), np.zeros(256, np.int64))
        self._labels = [
            tuple(np.flatnonzero(row).tolist())
            for row, count in zip(space.members(), pixels, strict=False)
            if count
        ]

    @property
    def learnt(self) -> set[int]:
        """Ids of the classes that some label stands for."""
        return {index for label in self._labels for index in label}

    def problems(self) -> list[str]:
        """Too few pictures, and classes that nobody labelled; none of these where nothing could be read."""
        few_pictures = too_few(self._pictures) if self.readable else []
        empty = [
            f"class {name} has not a single pixel"
            for index, name in enumerate(self.classes)
            if index not in self.learnt
        ]
        return few_pictures + (bounded(empty) if self.learnt and not self._binary else [])

    def warnings(self) -> list[str]:
        """Classes that no set tells apart."""
        return bounded(not_told_apart(self._labels, self.classes))


def _missing(recipe: Recipe, val: _Examined, total: _Total) -> list[str]:
    """Labels that are learnt but not in a val set, one line each; none where none of its could be read."""
    labels = set_labels(recipe, val.one) if val.labelling else None
    names = labels.names if labels else total.classes
    stands_for = labels.stands_for if labels else [(index,) for index in range(len(names))]
    if not val.census.pixels[: len(names)].any():
        return []
    return [
        f"{'label' if labels else 'class'} {name} is not in it, so it cannot be measured"
        for index, (name, classes) in enumerate(zip(names, stands_for, strict=True))
        if not val.census.pixels[index] and total.learnt & {*classes}
    ]


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


def split_lines(split: SplitRecipe, census: DatasetStatistics) -> list[str]:
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


def binary_masks(train: DatasetStatistics, labelling: Labelling) -> list[str]:
    """One line where all labels are masks of 0 and 255, which alone would mean "ignore"."""
    if not train.ids or not train.ids <= BINARY or labelling.remap or IGNORE not in train.ids:
        return []
    hint = "where 255 is a class, say so with data.remap: {0: 0, 255: 1}"
    return [f"labels hold only 0 and 255, and 255 means 'ignore'; {hint}"]


def too_few(count: int) -> list[str]:
    """One line where there are pictures, but not enough to learn from."""
    if 0 < count < LEAST_PICTURES:
        return [f"{count} pictures are too few to train on: label {LEAST_PICTURES} or more"]
    return []


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
