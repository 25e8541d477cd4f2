"""What `streamseg label` is asked for, checked as a whole before anything is labelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from streamseg.errors import ConfigError, PackageError, TrainingError
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.packages.class_list import Color, hue
from streamseg.inference.packages.manifest import check_class_names
from streamseg.inference.packages.package import Package, open_package
from streamseg.text import require_printable
from streamseg.training.config.recipe import load_recipe
from streamseg.training.data.label_space import read_names
from streamseg.training.data.unlabelled import EVERY, Still, find_stills
from streamseg.training.labelling.agreement import AgreementRules
from streamseg.training.labelling.class_maps import Teacher, resolve_rules
from streamseg.training.labelling.record import LabelSettings, TeacherRecord
from streamseg.training.labelling.rules import RESERVED, LabelRules, WrittenRules, read_rules
from streamseg.types import ClassInfo


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """What to label, by what, and where to put it.

    Attributes:
        paths: Pictures, videos, and folders of them.
        packages: Names or folders of the packages that label.
        out: The folder that is filled.
        recipe: Names the target classes; or
        classes: a text file with one name on each line does.
        rules: Rules file; None: all packages must agree.
        maps: `PACKAGE:CLASS=TARGET`, besides the rules.
        every: Frames of a video from one that is labelled to the next.
        backend: As in a configuration.
        precision: As in a configuration.
        fresh: Delete what an earlier run made in `out`.
    """

    paths: tuple[Path, ...]
    packages: tuple[str, ...]
    out: Path
    recipe: Path | None = None
    classes: Path | None = None
    rules: Path | None = None
    maps: tuple[str, ...] = ()
    every: int = EVERY
    backend: BackendName = "auto"
    precision: Precision = "auto"
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class LabelJob:
    """Options that fit together.

    Attributes:
        classes: The target classes.
        teachers: The packages that label.
        rules: When a pixel counts.
        stills: The pictures.
        settings: The same for the folder's record.
    """

    classes: tuple[ClassInfo, ...]
    teachers: tuple[Teacher, ...]
    rules: AgreementRules
    stills: Sequence[Still]
    settings: LabelSettings


@dataclass(slots=True)
class _Problems:
    """What is wrong, of the configuration and of the data."""

    config: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)

    @contextmanager
    def collected(self) -> Iterator[None]:
        try:
            yield
        except (ConfigError, PackageError) as error:
            self.config += str(error).splitlines()
        except TrainingError as error:
            self.data += str(error).splitlines()

    def raise_any(self) -> None:
        if self.config:
            raise ConfigError([*self.config, *self.data])
        if self.data:
            raise TrainingError("\n".join(self.data))


def prepare(options: LabelOptions) -> LabelJob:
    """Check options as a whole.

    Raises:
        ConfigError: Packages, classes or rules cannot be used; every problem found, the pictures' too.
        TrainingError: Only the pictures cannot be used.
    """
    problems = _Problems()
    classes: Sequence[tuple[str, Color | None]] = ()
    with problems.collected():
        classes = target_classes(options.recipe, options.classes)
    packages, unopened = _open_all(options.packages, problems)
    written = WrittenRules(LabelRules())
    with problems.collected():
        written = read_rules(options.rules)
    names = [name for name, _ in classes]
    teachers: tuple[Teacher, ...] = ()
    agreement = AgreementRules()
    if not problems.config or (names and written.usable):
        written.add_maps(options.maps, [*packages, *unopened])
        teachers, agreement = resolve_rules(written, packages, names, unopened)
    problems.config += written.problems
    stills: list[Still] = []
    with problems.collected():
        stills = _stills(options)
    problems.raise_any()
    settings = _settings(names, teachers, agreement)
    return LabelJob(_with_colors(classes, teachers), teachers, agreement, stills, settings)


def target_classes(recipe: Path | None, names_file: Path | None) -> list[tuple[str, Color | None]]:
    """Names of the target classes by id, with their colours where somebody said them.

    Raises:
        ConfigError: The recipe or the names cannot be used.
        TrainingError: The file of names cannot be read.
    """
    if recipe is not None:
        named: list[tuple[str, Color | None]] = [(one.name, one.color) for one in load_recipe(recipe).classes]
        origin = recipe
    else:
        origin = names_file or Path()
        names = read_names(origin)
        if names is None:
            raise ConfigError([f"{origin}: no such file; a name of a class on each line is wanted"])
        named = [(name, None) for name in names]
    try:
        check_class_names([require_printable(name) for name, _ in named])
    except ValueError as error:
        raise ConfigError([f"{origin}: classes: {error}"]) from error
    if taken := [name for name, _ in named if name in RESERVED]:
        raise ConfigError([f"{origin}: no class may be called {' or '.join(taken)}: rules say it of others"])
    return named


def _open_all(given: Sequence[str], problems: _Problems) -> tuple[dict[str, Package], list[str]]:
    """The packages by name: their own, or as they were given where two would be the same.

    Returns:
        The packages, and names of those that could not be opened.
    """
    opened: dict[str, Package] = {}
    for name in dict.fromkeys(given):
        with problems.collected():
            opened[name] = open_package(name)
    if twice := [name for name in dict.fromkeys(given) if list(given).count(name) > 1]:
        problems.config.append(f"--with: {', '.join(twice)} is given more than once")
    own = [package.manifest.name for package in opened.values()]
    named = {
        package.manifest.name if own.count(package.manifest.name) == 1 else name: package
        for name, package in opened.items()
    }
    return named, [Path(name).name for name in dict.fromkeys(given) if name not in opened]


def _stills(options: LabelOptions) -> list[Still]:
    stills = find_stills(options.paths, options.every, key="")
    out = options.out.resolve()
    if inside := [still for still in stills if still.path.resolve().is_relative_to(out)]:
        raise TrainingError(f"{inside[0].path} is in the folder of --out, {options.out}: give another --out")
    return stills


def _settings(names: Sequence[str], teachers: Sequence[Teacher], rules: AgreementRules) -> LabelSettings:
    """What the labels depend on, by names."""
    return LabelSettings(
        classes=list(names),
        packages={teacher.name: _teacher_record(teacher, names) for teacher in teachers},
        agree="all" if rules.agree is None else rules.agree,
        trust={names[c]: sorted(teachers[place].name for place in who) for c, who in rules.trust.items()},
        require={names[c]: count for c, count in rules.require.items()},
    )


def _teacher_record(teacher: Teacher, names: Sequence[str]) -> TeacherRecord:
    manifest = teacher.package.manifest
    stands_for = zip(manifest.classes, teacher.stands_for, strict=True)
    return TeacherRecord(
        version=manifest.version,
        sha256=teacher.package.sha256,
        license=manifest.license,
        map={one.name: [names[c] for c in sorted(classes)] for one, classes in stands_for},
        min_confidence=teacher.min_confidence,
    )


def _with_colors(
    classes: Sequence[tuple[str, Color | None]], teachers: Sequence[Teacher]
) -> tuple[ClassInfo, ...]:
    """The target classes in the recipe's colours, those of a package's namesake, or hues far apart."""
    known = {one.name: one.color for teacher in teachers for one in teacher.package.manifest.classes}
    return tuple(
        ClassInfo(index, name, color or known.get(name) or hue(index))
        for index, (name, color) in enumerate(classes)
    )
