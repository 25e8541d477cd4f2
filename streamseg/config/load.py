"""From a YAML file to a `Config`, or to every mistake in it with its key, line and a hint."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from streamseg.config.checks import contradictions
from streamseg.config.effective import ENGINE, written_as
from streamseg.config.lines import Lines, Location, read
from streamseg.config.marks import sections_of
from streamseg.config.schema import Config
from streamseg.errors import ConfigError

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_USERINFO = re.compile(r"(?<=://)[^'\"]*@")  # up to the last @: a password may hold one, or a slash
_PARAMETER = re.compile(r"(?i)((?:pass|passwd|password|pwd|token|secret|auth|user|username)=)[^&\s/'\"<>]+")
_SENTENCES = {
    "missing": "is required but missing",
    "dict_type": "must hold keys of its own",
    "model_type": "must hold keys of its own",
    "list_type": "must be a list",
    "string_type": "must be text",
}


def load(path: Path, env: Mapping[str, str] | None = None) -> Config:
    """Read a configuration file.

    Args:
        path: YAML.
        env: What `${NAME}` and `${NAME:-default}` stand for; the process's environment unless given.

    Raises:
        ConfigError: With every problem, each as `file:line: key: what is wrong`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from error
    return parse(text, str(path), os.environ if env is None else env)


def parse(text: str, origin: str, env: Mapping[str, str]) -> Config:
    """Check a configuration; `origin` names it in errors. See `load`."""
    try:
        document, lines = read(text)
    except yaml.YAMLError as error:
        raise ConfigError([f"{origin}{_mark(error)}: not valid YAML: {_yaml_problem(error)}"]) from error
    if not isinstance(document, dict):
        raise ConfigError([f"{origin}: must hold sections (engine, publish, streams, …)"])
    expanded, unset = _expand(document, env)
    found = [*lines.twins, *unset]
    try:
        config = Config.model_validate(expanded)
    except ValidationError as error:
        found += _invalid(error, document, lines, {where for where, _ in unset})
        raise _all(origin, lines, found) from error
    found += [(where, _redact(what)) for where, what in contradictions(config)]
    if found:
        raise _all(origin, lines, found)
    return config


def _expand(
    value: Any, env: Mapping[str, str], where: Location = ()
) -> tuple[Any, list[tuple[Location, str]]]:
    """Replace variables in all strings; also the ones that are not set, with their places."""
    if isinstance(value, dict):
        parts = {key: _expand(item, env, (*where, key)) for key, item in value.items()}
        return {key: part[0] for key, part in parts.items()}, [p for part in parts.values() for p in part[1]]
    if isinstance(value, list):
        items = [_expand(item, env, (*where, index)) for index, item in enumerate(value)]
        return [item[0] for item in items], [p for item in items for p in item[1]]
    if isinstance(value, str):
        unset = [m[1] for m in _VARIABLE.finditer(value) if m[1] not in env and m[2] is None]
        text = _VARIABLE.sub(lambda m: env.get(m[1], m[2] or ""), value)
        return text, [(where, f"${{{name}}} is not set in the environment") for name in unset]
    return value, []


def _invalid(
    error: ValidationError, document: Any, lines: Lines, unset: set[Location]
) -> list[tuple[Location, str]]:
    """What pydantic found, without what is told elsewhere: under `defaults`, or as an unset variable."""
    placed = [(written_as(entry["loc"], document), entry) for entry in error.errors(include_url=False)]
    return [
        (where, _what(entry, where, document))
        for where, entry in placed
        if not lines.inherited(where) and not any(where[: len(place)] == place for place in unset)
    ]


def _all(origin: str, lines: Lines, found: list[tuple[Location, str]]) -> ConfigError:
    placed = sorted({(lines.of(where), _key(where), what) for where, what in found})
    return ConfigError([f"{origin}:{line}: {key}: {what}" for line, key, what in placed])


def _what(entry: Any, where: Location, document: Any) -> str:
    kind = entry["type"]
    if kind == "extra_forbidden":
        return f"is not a known key{_hint(where)}"
    if kind == "value_error":
        return _redact(str(entry["ctx"]["error"]))
    text = _SENTENCES.get(kind) or entry["msg"].replace("Input should", "must")
    text = text[:1].lower() + text[1:]
    return text if kind == "missing" else f"{text} (got {_short(_written(document, where))})"


def _written(document: Any, where: Location) -> Any:
    """The value nearest to `where` as it stands in the file: what a variable holds is nobody's business."""
    for part in where:
        try:
            document = document[part]
        except (LookupError, TypeError):
            break
    return document


def _short(value: object) -> str:
    text = _redact("nothing" if value is None else repr(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _redact(text: str) -> str:
    return _PARAMETER.sub(r"\1***", _USERINFO.sub("***@", text))


def _hint(where: Location) -> str:
    if (where[:1], where[2:]) == (("streams",), ("source", "max_fps")):
        return " — it stands beside source now, not below it"
    if where == ("engine",):
        return f" beside engines.{ENGINE} — keep one of the two"
    known = list(_fields(where[:-1]))
    close = difflib.get_close_matches(str(where[-1]), known, n=1)
    return f" — did you mean {close[0]!r}?" if close else f" — known: {', '.join(known)}"


def _fields(where: Location) -> dict[str, FieldInfo]:
    """The keys of the section at `where`."""
    model: type[BaseModel] = Config
    for part in where:
        field = model.model_fields.get("engines" if part == "engine" else str(part))
        model = next(iter(sections_of(field) if field else []), model)
    return model.model_fields


def _key(where: Location) -> str:
    return ".".join(map(str, where)) or "(whole file)"


def _mark(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f":{mark.line + 1}"


def _yaml_problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]
