"""The rules of `streamseg label` as they are written: what packages' classes mean, and who decides.

```yaml
packages:
  ade20k:
    map: {grass: terrain, person: pedestrian, vehicle: [car, bicyclist], "*": ignore}
    min_confidence: 0.5
agree: all
trust: {terrain: ade20k}
require: {pedestrian: 2}
```
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator

from streamseg.config.yaml_source import Location
from streamseg.training.config.recipe_source import RecipeSource, complaints, read_source
from streamseg.training.config.stage_config import StrictModel

IGNORE_WORD = "ignore"  # in place of a target class
REST = "*"  # in place of a package's class: all that have no namesake and are not named
RESERVED = (IGNORE_WORD, REST)


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Names = Annotated[list[str], Field(min_length=1), BeforeValidator(_listed)]
Count = Annotated[int, Field(ge=1)]


class PackageRules(StrictModel):
    """What the classes of one package mean."""

    map: dict[str, Names] = Field(
        default={}, description="class of the package: target class, list of those it may be, or ignore"
    )
    min_confidence: float = Field(
        default=0.0, ge=0, le=1, allow_inf_nan=False, description="below it a pixel supports no class"
    )


class LabelRules(StrictModel):
    """Who decides the label of a pixel."""

    packages: dict[str, PackageRules] = Field(default={}, description="by name")
    agree: Literal["all"] | int = Field(
        default="all", description="how many packages must support a class; all that have something to say"
    )
    trust: dict[str, Names] = Field(default={}, description="target class: packages each of which is enough")
    require: dict[str, Count] = Field(default={}, description="target class: how many must support it")

    @field_validator("agree", mode="before")
    @classmethod
    def _all_or_a_number(cls, value: Any) -> Any:
        if value != "all" and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            msg = f"must be all, or a number of packages, 1 or more (got {value!r})"
            raise ValueError(msg)
        return value


class WrittenRules:
    """Rules, and where each of them is written.

    Args:
        rules: What they say.
        source: The file; None: there is none.

    Attributes:
        rules: The same.
        problems: What is wrong with them, a line each.
        usable: They could be read; else `rules` says nothing.
    """

    def __init__(self, rules: LabelRules, source: RecipeSource | None = None) -> None:
        self.rules, self.problems, self.usable = rules, list[str](), True
        self._source = source
        self._options = dict[Location, str]()

    def problem(self, where: Location, what: str) -> None:
        """Note something wrong with a key, or with the option that stands for it."""
        if where in self._options:
            what = f"{self._options[where]}: {what}"
        elif self._source is not None:
            what = self._source.problem(where, what)
        self.problems.append(what)

    def add_maps(self, options: Sequence[str], packages: Sequence[str]) -> None:
        """Take in `--map PACKAGE:CLASS=TARGET`; several targets are separated by commas.

        Args:
            options: As they were given.
            packages: Names of the packages that label.
        """
        maps = {name: dict(one.map) for name, one in self.rules.packages.items()}
        for text in options:
            option, package = f"--map {text}", _package_of(text, packages)
            name, _, target = text[len(package or "") + 1 :].rpartition("=")
            if package is None or not name.strip() or not target.strip():
                known = "" if package else f", PACKAGE one of {', '.join(packages)}"
                self.problems.append(f"{option}: expected PACKAGE:CLASS=TARGET{known}")
                continue
            where = ("packages", package, "map", name.strip())
            if name.strip() in maps.setdefault(package, {}):
                first = self._options.get(where) or (self._source and self._source.place(where))
                self.problems.append(f"{option}: {package}: {name.strip()!r} is mapped by {first} already")
                continue
            self._options[where] = option
            maps[package][name.strip()] = [one.strip() for one in target.split(",")]
        packages_rules = {
            name: PackageRules(
                map=one, min_confidence=self.rules.packages.get(name, PackageRules()).min_confidence
            )
            for name, one in maps.items()
        }
        self.rules = self.rules.model_copy(update={"packages": packages_rules})


def _package_of(text: str, packages: Sequence[str]) -> str | None:
    """The package that a `--map` names; a name may hold a colon, where it is a folder's."""
    fitting = [name for name in packages if text.startswith(f"{name}:")]
    return max(fitting, key=len, default=None)


def read_rules(path: Path | None) -> WrittenRules:
    """Read a rules file; what is wrong with it is in `problems`, and it says nothing then.

    Args:
        path: YAML; None: there is no file, and all have to agree.

    Raises:
        ConfigError: It cannot be read or is no YAML.
    """
    if path is None:
        return WrittenRules(LabelRules())
    source = read_source(path, kind="rules")
    try:
        written = WrittenRules(LabelRules.model_validate(source.document or {}), source)
    except ValidationError as error:
        written = WrittenRules(LabelRules(), source)
        written.problems, written.usable = complaints(error, source, LabelRules), False
    written.problems = [*source.problems, *written.problems]
    return written
