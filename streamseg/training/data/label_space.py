"""What labels stand for: one class, or a set of classes of which the pixel shows one.

Data sets label the same street in different words: what is `vehicles` in one is `car` or `bicyclist` in
another. A label that may be several classes is a partial label (Cour, Sapp, Taskar 2011), here of a coarser
level of a hierarchy (as Meletis and Dubbelman 2018 train on street data sets of different label spaces).
All sets share one space of ids: those of the classes, and behind them one for every set of classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.recipe_data import IGNORE, LabelledSet, unknown
from streamseg.types import BOOL

NAMES_FILE = "classes.txt"


@dataclass(frozen=True, slots=True)
class SetLabels:
    """The labels of one data set.

    Attributes:
        names: By id.
        stands_for: Ids of the classes that each may be; empty: ignored.
    """

    names: tuple[str, ...]
    stands_for: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class LabelSpace:
    """The ids of training labels.

    Attributes:
        classes: How many; their ids come first.
        groups: Sets of classes that some label stands for; `groups[i]` has the id `classes + i`.
    """

    classes: int
    groups: tuple[tuple[int, ...], ...] = ()

    def __len__(self) -> int:
        return self.classes + len(self.groups)

    def index(self, stands_for: tuple[int, ...]) -> int:
        """Id of a label that may be these classes; 255 of one that is ignored."""
        if len(stands_for) < 2:
            return stands_for[0] if stands_for else IGNORE
        return self.classes + self.groups.index(stands_for)

    def members(self) -> BOOL:
        """Which classes each id may be, `[ids, classes]`."""
        table = np.eye(len(self), self.classes, dtype=np.bool_)
        for index, group in enumerate(self.groups, self.classes):
            table[index, list(group)] = True
        return table


def label_space(recipe: Recipe) -> LabelSpace:
    """The ids that the training sets of a recipe need.

    Raises:
        TrainingError: A label of one of them stands for nothing, or there are too many; every problem.
    """
    found, problems = list[tuple[int, ...]](), list[str]()
    for one in recipe.data.train:
        try:
            labels = set_labels(recipe, one)
        except TrainingError as error:
            problems += str(error).splitlines()
            continue
        found += [classes for classes in (labels.stands_for if labels else ()) if len(classes) > 1]
    if problems:
        raise TrainingError("\n".join(problems))
    space = LabelSpace(len(recipe.classes), tuple(dict.fromkeys(found)))
    if len(space) > IGNORE:
        raise TrainingError(
            f"data.train: {space.classes} classes and {len(space.groups)} sets of classes are more than the "
            f"{IGNORE} ids of a label"
        )
    return space


def set_labels(recipe: Recipe, one: LabelledSet) -> SetLabels | None:
    """The labels of a data set by name; None: the ids in its files are those of the classes, or remapped.

    Raises:
        TrainingError: A label stands for nothing; every such label is named.
    """
    classes = [c.name for c in recipe.classes]
    if one.remap is not None or (recipe.data.remap and not (one.label_names or one.label_map)):
        return None
    names = one.label_names or read_names(one.images.parent / NAMES_FILE) or classes
    if list(names) == classes and not one.label_map:
        return None
    _refuse_unnamed(one, names, classes)
    stands_for = (one.label_map.get(name, [name]) for name in names)
    return SetLabels(tuple(names), tuple(tuple(sorted(map(classes.index, each))) for each in stands_for))


def _refuse_unnamed(one: LabelledSet, names: Sequence[str], classes: Sequence[str]) -> None:
    where = f"{one.name or one.labels}: label_map"
    problems = [
        f"{where}: label {name!r} stands for no class: name its class or its classes, or [] to ignore it"
        for name in names
        if name not in one.label_map and name not in classes
    ]
    problems += [f"{where}: {unknown('label', name, names)}" for name in one.label_map if name not in names]
    if problems:
        raise TrainingError("\n".join(problems))


def read_names(path: Path) -> tuple[str, ...] | None:
    """The names in a `classes.txt`, one on each line in the order of the ids; None where there is none.

    Raises:
        TrainingError: It cannot be read, or has a name twice.
    """
    if not path.exists():
        return None
    try:
        names = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path}: cannot be read ({error})") from error
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise TrainingError(f"{path}: {', '.join(twice)} is there more than once")
    return names


def not_told_apart(labels: Sequence[tuple[int, ...]], classes: Sequence[str]) -> list[str]:
    """Classes between which no label decides, a line each set of them.

    Args:
        labels: What each label stands for that has pixels.
        classes: Names by id.
    """
    alike: dict[tuple[bool, ...], list[str]] = {}
    for index, name in enumerate(classes):
        in_each = tuple(index in one for one in labels)
        if any(in_each):
            alike.setdefault(in_each, []).append(name)
    return [f"{' and '.join(names)}: no label tells them apart" for names in alike.values() if len(names) > 1]
