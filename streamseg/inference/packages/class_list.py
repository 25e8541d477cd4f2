"""The classes of a network as the user gives them: names, a file of names, or YAML with colours too."""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamseg.errors import PackageError
from streamseg.inference.packages.manifest import MAX_CLASSES, ClassName, read_yaml
from streamseg.inference.packages.manifest_errors import told, validation_problems

_YAML = (".yaml", ".yml")
_GOLDEN = (math.sqrt(5) - 1) / 2  # of a circle: hues that stay apart however many there are
Color = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ClassList:
    """Names in the order of their ids, and a display colour (r, g, b) for each or for none."""

    names: tuple[str, ...]
    colors: tuple[Color, ...] = ()


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: int | None = Field(default=None, ge=0, le=254)
    name: ClassName
    color: tuple[int, int, int] | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    classes: tuple[_Entry, ...] = Field(min_length=1, max_length=MAX_CLASSES)


def read_classes(given: str) -> ClassList:
    """Reads what was given: `a,b,c`, a text file with a name on each line, or YAML.

    YAML holds `classes`, a list of `name` and `color: [r, g, b]`, as in a recipe or a `model.yaml`; either of
    these files will do. An `id`, where there is one, must be the entry's place.

    Raises:
        PackageError: The file cannot be read, or is wrong; says all that is, with file, line and key.
    """
    path = Path(given)
    if path.suffix in _YAML:
        return _of_yaml(path)
    try:
        names = path.read_text(encoding="utf-8").splitlines() if path.is_file() else given.split(",")
    except (OSError, UnicodeDecodeError) as error:
        raise PackageError(f"{path}: cannot be read: {error}") from error
    return ClassList(tuple(name.strip() for name in names if name.strip()))


def hue(index: int) -> Color:
    """A colour for a class that has none, far from those of the indices next to it."""
    red, green, blue = colorsys.hsv_to_rgb(index * _GOLDEN % 1, 0.65, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)


def _of_yaml(path: Path) -> ClassList:
    document, lines = read_yaml(path)
    problems = [(where, what) for where, what in lines.twins]
    entries: tuple[_Entry, ...] = ()
    try:
        entries = _File.model_validate(document if isinstance(document, dict) else {}).classes
    except ValidationError as error:
        problems += validation_problems(error, _File)
    problems += [(("classes", index, *key), what) for index, key, what in _wrong(entries)]
    if problems:
        raise PackageError(told(path, lines, problems))
    colors = tuple(entry.color for entry in entries if entry.color is not None)
    return ClassList(tuple(entry.name for entry in entries), colors)


def _wrong(entries: tuple[_Entry, ...]) -> list[tuple[int, tuple[Any, ...], str]]:
    """What pydantic does not see: place in the list, key, and what is wrong."""
    found: list[tuple[int, tuple[Any, ...], str]] = []
    colored = sum(entry.color is not None for entry in entries)
    for place, entry in enumerate(entries):
        if entry.id not in (None, place):
            found.append((place, ("id",), f"is {entry.id} in place {place}: an id is the place in the list"))
        if entry.color is None and colored:
            found.append((place, (), "has no color, others have: give each one or none"))
        if entry.color is not None and not all(0 <= part <= 255 for part in entry.color):
            found.append((place, ("color",), "must be r, g, b of 0…255 each"))
    return found
