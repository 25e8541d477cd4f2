"""Classes of a package and of labelled pictures, brought together by name before anything is measured."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from streamseg.errors import TrainingError
from streamseg.training.config.recipe_data import IGNORE
from streamseg.types import BOOL, U8

REST = "*"  # in place of a package's class: all that are not named otherwise
_MOST_NAMES = 12  # of a list in a message


@dataclass(frozen=True, slots=True)
class ClassMap:
    """The classes that are measured, and how the ids of either side become theirs.

    Attributes:
        names: Of the classes that are measured, by id.
        of_package: Id a package gives → id that is measured, `[256]`.
        of_data: Class id of the pictures → id that is measured, `[256]`; 255: ignored.
        data_classes: How many classes the pictures have.
        accepts: Whether a package's id is right where the truth is an id that is measured, `[256, 256]`
            (truth first); None: where `of_package` says so.
    """

    names: tuple[str, ...]
    of_package: U8
    of_data: U8
    data_classes: int
    accepts: BOOL | None = None

    def measured(self, prediction: U8, truth: U8 | None = None) -> U8:
        """A package's label map in the ids that are measured.

        Args:
            prediction: `[H, W]`.
            truth: Of the same size; a class that several labels may stand for then counts as the true one.
                None, or of another size: as the first of them.
        """
        first: U8 = self.of_package[prediction]
        if self.accepts is None or truth is None or truth.shape != prediction.shape:
            return first
        return np.where(self.accepts[truth, prediction], truth, first)

    @property
    def merges(self) -> bool:
        """Whether what is measured are other classes than those of the pictures."""
        measured = self.of_data[: self.data_classes]
        return len(set(measured.tolist())) < self.data_classes or len(self.names) > self.data_classes


def parse_pairs(given: Sequence[str]) -> list[tuple[str, str]]:
    """`package=data` as pairs. Raises TrainingError, naming the first that is none."""
    for text in given:
        if "=" not in text or text == "=":
            raise TrainingError(
                f"--map {text}: expected PACKAGE=DATA, the names of a class in the package and in the "
                f"pictures (PACKAGE=: the pictures have none; =DATA: ignored; {REST}=DATA: all other classes)"
            )
    return [(package.strip(), data.strip()) for package, _, data in (text.partition("=") for text in given)]


def match_classes(
    package: Sequence[str], data: Sequence[str], pairs: Sequence[tuple[str, str]] = ()
) -> ClassMap:
    """Bring classes together that have the same name, or that `pairs` names.

    Args:
        package: Names by id.
        data: The same of the pictures' classes.
        pairs: A package's class and one of the pictures'. Several for one class, on either side, make one
            class of them; an empty name says that the other side has none; `*` stands for all classes of the
            package that no pair names and that have no namesake.

    Raises:
        TrainingError: A name is unknown, or is left over on either side; every one named.
    """
    _refuse_unknown(package, data, pairs)
    links = _links(package, data, pairs)
    without = {name for name, other in pairs if not other}
    ignored = {other for name, other in pairs if not name}
    linked = {other for others in links.values() for other in others}
    _refuse_left_over(
        [name for name in package if not links[name] and name not in without],
        [name for name in data if name not in linked and name not in ignored],
    )
    groups = _groups(package, links)
    of_package, of_data = (np.full(256, IGNORE, np.uint8) for _ in range(2))
    for index, (ours, theirs) in enumerate(groups):
        of_package[[package.index(name) for name in ours]] = index
        of_data[[data.index(name) for name in theirs]] = index
    return ClassMap(tuple(_title(*group) for group in groups), of_package, of_data, len(data))


def match_labels(
    package: Sequence[str], labels: Mapping[str, Sequence[str]], pairs: Sequence[tuple[str, str]] = ()
) -> ClassMap:
    """Bring a package's classes to labels that each stand for some of them.

    Args:
        package: Names by id.
        labels: The pictures' labels in the order of their ids, and the classes each stands for; of a label
            that is ignored none. Classes the package lacks do not matter.
        pairs: As for `match_classes`: a package's class counts as this label too.

    Raises:
        TrainingError: A name is unknown, or is left over on either side; every one named.
    """
    _refuse_unknown(package, list(labels), pairs)
    without = {name for name, other in pairs if not other}
    ignored = {other for name, other in pairs if not name}
    stands_for = {
        label: {*classes, *(ours for ours, other in pairs if other == label)} & {*package}
        for label, classes in labels.items()
        if classes and label not in ignored
    }
    linked = {name for classes in stands_for.values() for name in classes}
    _refuse_left_over(
        [name for name in package if name not in linked | without],
        [label for label, classes in stands_for.items() if not classes],
    )
    of_package, of_data = (np.full(256, IGNORE, np.uint8) for _ in range(2))
    accepts = np.zeros((256, 256), np.bool_)
    for index, (label, classes) in reversed(list(enumerate(stands_for.items()))):
        ids = [package.index(name) for name in classes]
        of_package[ids], accepts[index, ids] = index, True  # the first label of a class is written last
        of_data[list(labels).index(label)] = index
    overlap = bool((accepts.sum(0) > 1).any())
    return ClassMap(tuple(stands_for), of_package, of_data, len(labels), accepts if overlap else None)


def _links(
    package: Sequence[str], data: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> dict[str, list[str]]:
    """The pictures' classes that belong to each of the package's."""
    links = {name: [other for ours, other in pairs if ours == name and other] for name in package}
    named = {ours for ours, _ in pairs}
    rest = [other for ours, other in pairs if ours == REST and other]
    for name in package:
        if name not in named:
            links[name] = [name] if name in data else rest
    return links


def _groups(package: Sequence[str], links: dict[str, list[str]]) -> list[tuple[list[str], list[str]]]:
    """Names of either side that hang together, in the package's order."""
    groups: list[tuple[list[str], list[str]]] = []
    for name in package:
        touching = [group for group in groups if set(group[1]) & set(links[name])]
        ours = [one for group in touching for one in group[0]] + [name]
        theirs = list(dict.fromkeys([*(one for group in touching for one in group[1]), *links[name]]))
        place = groups.index(touching[0]) if touching else len(groups)
        groups = [group for group in groups if group not in touching]
        groups.insert(place, (ours, theirs))
    return groups


def _title(ours: Sequence[str], theirs: Sequence[str]) -> str:
    if len(ours) == 1 or not theirs:
        return "+".join(ours)
    return "+".join(theirs)


def _refuse_unknown(package: Sequence[str], data: Sequence[str], pairs: Sequence[tuple[str, str]]) -> None:
    problems = []
    for ours, theirs in pairs:
        for name, known, where in ((ours, package, "package has"), (theirs, data, "pictures have")):
            if name and name not in known and not (name == REST and known is package):
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else f" (known: {_list(known)})"
                problems.append(f"--map {ours}={theirs}: the {where} no class {name!r}{hint}")
    if problems:
        raise TrainingError("\n".join(problems))


def _refuse_left_over(ours: Sequence[str], theirs: Sequence[str]) -> None:
    sides = []
    if ours:
        sides.append(f"of the package only: {_list(ours)}")
    if theirs:
        sides.append(f"of the pictures only: {_list(theirs)}")
    if sides:
        example = f"{ours[0] if ours else ''}={theirs[0] if theirs else ''}"
        raise TrainingError(
            f"the classes do not fit ({'; '.join(sides)}): figures would be of other classes than they say. "
            f"Say which belong together with --map PACKAGE=DATA, as often as needed (--map {example}); "
            f"PACKAGE= where the pictures have none, =DATA to ignore one, '{REST}=DATA' for all other classes"
        )


def _list(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
