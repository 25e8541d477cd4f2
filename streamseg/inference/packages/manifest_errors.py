"""What is wrong with a `model.yaml`, as lines for whoever wrote it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias, get_args

from pydantic import BaseModel, ValidationError

from streamseg.config.yaml_source import Lines, Location
from streamseg.text import printable

MAX_PROBLEMS = 50  # that are told; nobody reads more
_SENTENCES = {
    "missing": "is required but missing",
    "dict_type": "must hold keys of its own",
    "model_type": "must hold keys of its own",
    "tuple_type": "must be a list",
    "string_type": "must be text; put it in quotes",
}

_SUBJECT = re.compile(r"^(Input|String|Value|Tuple) should")

Problem: TypeAlias = tuple[Location, str]


def told(path: Path, lines: Lines, problems: Sequence[Problem]) -> str:
    """Problems with the file's name, line and key, a line each; of very many the first."""
    texts = [f"{path}:{lines.of(where)}: {_key(where)}: {what}" for where, what in problems[:MAX_PROBLEMS]]
    if (more := len(problems) - len(texts)) > 0:
        texts.append(f"{path}: and {more} more problems")
    return "\n".join(map(printable, texts))


def described(error: ValidationError, model: type[BaseModel]) -> str:
    """What pydantic found wrong with values that stand in no file: a line each, of very many the first."""
    problems = validation_problems(error, model)[:MAX_PROBLEMS]
    return "\n".join(printable(f"{_key(where)}: {what}") for where, what in problems)


def validation_problems(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """What pydantic found wrong with a document that was to be `model`."""
    found = error.errors(include_url=False)
    described = [(entry["loc"], _what(entry, model)) for entry in found[:MAX_PROBLEMS]]
    # the hints of thousands of unknown keys would take long, and are not told
    return described + [(entry["loc"], "") for entry in found[MAX_PROBLEMS:]]


def _key(where: Location) -> str:
    return ".".join(map(str, where)) or "(whole file)"


def _what(entry: Any, model: type[BaseModel]) -> str:
    match entry["type"]:
        case "missing":
            return _SENTENCES["missing"]
        case "extra_forbidden":
            return f"is not a known key{key_hint(entry['loc'], model)}"
        case "value_error":
            return str(entry["ctx"]["error"])
        case kind:
            text = _SENTENCES.get(kind) or _SUBJECT.sub("must", entry["msg"])
            return f"{text[:1].lower()}{text[1:]} (got {_short(entry['input'])})"


def _short(value: object) -> str:
    if isinstance(value, dict | list):
        return "keys" if isinstance(value, dict) else "a list"
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def key_hint(where: Location, model: type[BaseModel]) -> str:
    """What is to be said behind a key that is not known: the nearest of its section, or all of them.

    Args:
        where: Its place.
        model: What the whole document was to be.
    """
    known = list(_section(where[:-1], model).model_fields)
    close = difflib.get_close_matches(str(where[-1]), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def _section(where: Location, model: type[BaseModel]) -> type[BaseModel]:
    """The model of the section at a place."""
    for part in where:
        field = model.model_fields.get(str(part))  # none for the number of a list's item
        model = (field and _model_in(field.annotation)) or model
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
