"""Rules of `streamseg label` brought together with the packages that label and with the target classes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streamseg.config.yaml_source import Location
from streamseg.inference.packages.package import Package
from streamseg.training.labelling.agreement import AgreementRules
from streamseg.training.labelling.rules import IGNORE_WORD, REST, PackageRules, WrittenRules

_MOST_NAMES = 12  # of a list in a message


@dataclass(frozen=True, slots=True)
class Teacher:
    """A package that labels pictures.

    Attributes:
        name: What it is called in rules and records.
        package: The package.
        stands_for: By its class id: ids of the target classes that it may be; empty: ignored.
        min_confidence: Below it, 0…1, a pixel supports no class.
    """

    name: str
    package: Package
    stands_for: tuple[frozenset[int], ...]
    min_confidence: float = 0.0

    def says(self, target: int) -> bool:
        """Whether one of its classes is this target class and no other."""
        return frozenset({target}) in self.stands_for

    def supports(self, target: int) -> bool:
        """Whether one of its classes may be this target class."""
        return any(target in classes for classes in self.stands_for)


def resolve_rules(
    written: WrittenRules,
    packages: Mapping[str, Package],
    targets: Sequence[str],
    unopened: Sequence[str] = (),
) -> tuple[tuple[Teacher, ...], AgreementRules]:
    """Check rules against what they are about.

    Args:
        written: The rules; every problem found is added to its `problems`.
        packages: Those that label, by name.
        targets: Names of the target classes, by id.
        unopened: Names of packages that were given and could not be opened: what is said of them is not
            checked.

    Returns:
        The packages with their maps, and when a pixel counts; of use where there are no problems.
    """
    resolver = _Resolver(written, packages, targets, unopened)
    teachers = tuple(resolver.teacher(name) for name in packages)
    resolver.check_names(written.rules.packages, ("packages",))
    return teachers, resolver.agreement(teachers)


class _Resolver:
    def __init__(
        self,
        written: WrittenRules,
        packages: Mapping[str, Package],
        targets: Sequence[str],
        unopened: Sequence[str],
    ) -> None:
        self._written, self._packages, self._targets = written, packages, list(targets)
        self._unopened = unopened

    def check_names(self, names: Mapping[str, object] | Sequence[str], where: Location) -> list[str]:
        """The names that are packages; the others are problems, of the keys or list items below `where`."""
        for name in names:
            if name not in self._packages and name not in self._unopened:
                place = (*where, name) if isinstance(names, Mapping) else where
                hint = _hint(name, list(self._packages), "labelling with")
                self._written.problem(place, f"no package {name!r} is given by --with{hint}")
        return [name for name in names if name in self._packages]

    def teacher(self, name: str) -> Teacher:
        package = self._packages[name]
        rules = self._written.rules.packages.get(name, PackageRules())
        classes = [one.name for one in package.manifest.classes]
        sets = {said: self._targets_of(name, said, rules.map[said]) for said in rules.map}
        for said in rules.map:
            if said != REST and said not in classes:
                self._written.problem(
                    ("packages", name, "map", said),
                    f"the package has no class {said!r}{_hint(said, classes)}",
                )
        if lost := [one for one in classes if one not in {*sets, *self._targets} and REST not in sets]:
            self._written.problem(
                ("packages", name, "map"),
                f"{name} has classes that map nowhere: {_few(lost)}; name the target class of each, or "
                f"{IGNORE_WORD} (--map '{name}:{lost[0]}={IGNORE_WORD}'; '{REST}' for all others)",
            )
        stands_for = tuple(self._stands_for(one, sets) for one in classes)
        return Teacher(name, package, stands_for, rules.min_confidence)

    def _stands_for(self, name: str, sets: Mapping[str, frozenset[int]]) -> frozenset[int]:
        if name not in sets and name in self._targets:
            return frozenset({self._targets.index(name)})
        return sets.get(name, sets.get(REST, frozenset()))

    def _targets_of(self, package: str, said: str, names: Sequence[str]) -> frozenset[int]:
        where = ("packages", package, "map", said)
        if IGNORE_WORD in names:
            if len(set(names)) > 1:
                self._written.problem(where, f"{IGNORE_WORD} cannot stand beside target classes")
            return frozenset()
        return frozenset(found for name in names if (found := self._target(where, name)) is not None)

    def _target(self, where: Location, name: str) -> int | None:
        if name in self._targets:
            return self._targets.index(name)
        self._written.problem(where, f"there is no target class {name!r}{_hint(name, self._targets)}")
        return None

    def agreement(self, teachers: Sequence[Teacher]) -> AgreementRules:
        rules, count = self._written.rules, len(self._packages) + len(self._unopened)
        if rules.agree != "all" and rules.agree > count:
            self._written.problem(("agree",), f"{rules.agree} packages cannot agree, --with gives {count}")
        places = {teacher.name: place for place, teacher in enumerate(teachers)}
        trust = {}
        for name in rules.trust:
            target, known = self._target(("trust", name), name), self._trusted(name, teachers)
            if target is not None:
                trust[target] = frozenset(places[package] for package in known)
        return AgreementRules(None if rules.agree == "all" else rules.agree, trust, self._required(teachers))

    def _trusted(self, name: str, teachers: Sequence[Teacher]) -> list[str]:
        """The packages trusted for a target class."""
        where, rules = ("trust", name), self._written.rules
        known = self.check_names(rules.trust[name], where)
        if name in rules.require:
            self._written.problem(where, f"one package cannot be enough where require asks for {name!r} too")
        for teacher in teachers:
            if (
                teacher.name in known
                and name in self._targets
                and not teacher.says(self._targets.index(name))
            ):
                self._written.problem(where, f"no class of {teacher.name} is {name!r} and nothing else")
        return known

    def _required(self, teachers: Sequence[Teacher]) -> dict[int, int]:
        required = {}
        for name, count in self._written.rules.require.items():
            target = self._target(("require", name), name)
            if target is None:
                continue
            able = [teacher.name for teacher in teachers if teacher.supports(target)]
            if count > len(able) + len(self._unopened):
                who = f"only {', '.join(able)} can" if able else "none of them can"
                self._written.problem(("require", name), f"{count} packages cannot say {name!r}, {who}")
            required[target] = count
        return required


def _hint(name: str, known: Sequence[str], label: str = "known") -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f" ({label}: {_few(known)})"


def _few(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
