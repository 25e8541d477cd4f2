"""A recipe as it was written: its values, and in which line of which file each key stands."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from streamseg.config.env import expand
from streamseg.config.yaml_loader import YamlError
from streamseg.config.yaml_source import Lines, Location, read, read_text
from streamseg.errors import ConfigError
from streamseg.inference.packages.manifest_errors import key_hint

_MOST_CHARACTERS = 60
_KEY = re.compile(r"[a-z_]+(\.([a-z_]+|\d+))*: ")
_SENTENCES = {
    "missing": "is required but missing",
    "dict_type": "must hold keys of its own",
    "model_type": "must hold keys of its own",
    "model_attributes_type": "must hold keys of its own",
    "list_type": "must be a list",
    "path_type": "must be a path",
}


class RecipeSource:
    """A recipe, with those that it extends merged into it.

    Attributes:
        document: Plain values; None where there are none.
        problems: What is wrong with the files themselves, one line each.
    """

    def __init__(self, document: Any, files: Sequence[tuple[str, Lines | None]] = ()) -> None:
        self.document, self.problems = document, list[str]()
        self._files = list(files)  # whoever extends another comes before it

    def place(self, where: Location) -> str:
        """`file:line` of a key, or of the nearest one above it; the file that says it last counts."""
        for size in range(len(where), 0, -1):
            for origin, lines in self._files:
                if lines is not None and lines.has(where[:size]):
                    return f"{origin}:{lines.of(where[:size])}"
        return self._files[0][0] if self._files else "recipe"

    def problem(self, where: Location, what: str) -> str:
        """A line about a key."""
        key = ".".join(map(str, where))
        return f"{self.place(where)}: {key}: {what}" if key else f"{self.place(where)}: {what}"


def read_source(path: Path, heirs: tuple[Path, ...] = (), kind: str = "recipe") -> RecipeSource:
    """Read a file and those it extends; `${NAME:-default}` is replaced from the environment.

    Args:
        path: YAML.
        heirs: The files that extend this one.
        kind: What the file is, for errors.

    Raises:
        ConfigError: A file cannot be read, is no YAML, or the files extend each other in a circle.
    """
    if path.resolve() in heirs:
        raise ConfigError([f"{path}: extends: goes round in a circle"])
    written, lines = _parsed(path, kind)
    raw, unset = expand(written, os.environ)
    own = RecipeSource(raw, [(str(path), lines)])
    own.problems += [own.problem(*twin) for twin in lines.twins]
    own.problems += [
        own.problem(where, f"${{{name}}} is not set in the environment; give it, or write a default")
        for where, name in unset
    ]
    if not isinstance(raw, dict) or "extends" not in raw:
        return own
    base = read_source(path.parent / str(raw.pop("extends")), (*heirs, path.resolve()), kind)
    merged = RecipeSource(_merged(base.document, raw), [*own._files, *base._files])  # noqa: SLF001 its own
    merged.problems = [*own.problems, *base.problems]
    return merged


def _parsed(path: Path, kind: str) -> tuple[Any, Lines]:
    try:
        return read(read_text(path))
    except YamlError as error:
        line = f":{error.line}" if error.line else ""
        what = error.what.removeprefix("cannot be read: ")
        raise ConfigError([f"{path}{line}: cannot read the {kind}: {what}"]) from error


def _merged(base: Any, changes: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return changes
    return {**base, **{key: _merged(base.get(key), value) for key, value in changes.items()}}


def complaints(error: ValidationError, source: RecipeSource, model: type[BaseModel]) -> list[str]:
    """What pydantic found wrong, one line each with place, key and, where there is one, a hint."""
    lines = []
    for entry in error.errors(include_url=False):
        where = _as_written(entry["loc"], source.document)
        said = str(entry.get("ctx", {}).get("error", "")).splitlines()
        if not where and said and all(map(_KEY.match, said)):
            lines += [source.problem(*_place_and_problem(line)) for line in said]
        else:
            lines.append(source.problem(where, _what(entry, where, model)))
    return list(dict.fromkeys(lines))  # of several kinds that a value might be, each complains


def _place_and_problem(line: str) -> tuple[Location, str]:
    """A line that names its key; of several keys the first."""
    key, _, what = line.partition(": ")
    return tuple(int(part) if part.isdigit() else part for part in key.split(".")), what


def _as_written(loc: Location, document: Any) -> Location:
    """The place of a complaint without the names that pydantic gives to kinds of values."""
    where: list[int | str] = []
    for number, part in enumerate(loc):
        inside = (isinstance(document, dict) and part in document) or (
            isinstance(document, list) and isinstance(part, int) and part < len(document)
        )
        if inside:
            document = document[part]
            where.append(part)
        elif isinstance(document, dict) and number == len(loc) - 1 and part != "[key]":
            where.append(part)
    return tuple(where)


def _what(entry: Any, where: Location, model: type[BaseModel]) -> str:
    kind = entry["type"]
    if kind == "extra_forbidden":
        return f"is not a known key{key_hint(where, model)}"
    if kind == "value_error":
        return str(entry["ctx"]["error"])
    if kind == "string_type" and isinstance(entry["input"], int | float):
        return f"must be text: put it in quotes, {str(entry['input'])!r}"
    text = _SENTENCES.get(kind) or entry["msg"].replace("Input should", "must")
    text = text[:1].lower() + text[1:]
    return text if kind == "missing" else f"{text} (got {_short(entry['input'])}){_choice(entry)}"


def _choice(entry: Any) -> str:
    if entry["type"] != "literal_error":
        return ""
    known = [word.strip("'") for word in entry["ctx"]["expected"].replace(" or ", ", ").split(", ")]
    close = difflib.get_close_matches(str(entry["input"]), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _short(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"
